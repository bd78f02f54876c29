/** AudioSpecificConfig of the silent track: AAC-LC, 8000 Hz, one channel. */
export const SILENT_AAC_CONFIG: Uint8Array = Uint8Array.of(0x15, 0x88);

/** How long one silent frame lasts: 1024 samples at 8000 Hz. */
export const SILENT_AAC_FRAME_MS = 128;

/**
 * One raw AAC-LC frame without any spectral data (ISO/IEC 14496-3 §4.4.2).
 *
 *     id_syn_ele=SCE:3 tag:4 global_gain:8 | ics_info 0 00 0 000000 0 | pulse:1 tns:1 gain_control:1 | ID_END=111:3
 */
export const SILENT_AAC_FRAME: Uint8Array = Uint8Array.of(0x00, 0x00, 0x00, 0x07);
