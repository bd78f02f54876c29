import { ProtocolError } from '@sluice/base/errors';
import { BitReader } from './bit-reader.ts';

/** What the gateway needs from a sequence parameter set; `fps` is 0 when the stream does not tell. */
export type SpsInfo = {
  readonly profileIdc: number;
  readonly constraintFlags: number;
  readonly levelIdc: number;
  readonly chromaFormatIdc: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly width: number;
  readonly height: number;
  readonly fps: number;
};

const HIGH_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
const MAX_SPS_BYTES = 4096;
const EXTENDED_SAR = 255;

/** Reads an SPS NAL unit (ITU-T H.264 §7.3.2.1.1, Annex E); a malformed one is `undefined`, never an error. */
export function parseSps(nal: Uint8Array): SpsInfo | undefined {
  if (nal.byteLength < 4 || nal.byteLength > MAX_SPS_BYTES) return undefined;
  return unlessMalformed(() => readSps(new BitReader(removeEmulationPrevention(nal.subarray(1)))));
}

function unlessMalformed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** The raw byte sequence payload: `00 00 03` becomes `00 00`. */
export function removeEmulationPrevention(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.byteLength);
  let length = 0;
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    out[length++] = byte;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out.subarray(0, length);
}

function readSps(bits: BitReader): SpsInfo {
  const profileIdc = bits.bits(8);
  const constraintFlags = bits.bits(8);
  const levelIdc = bits.bits(8);
  bits.unsignedGolomb(31); // seq_parameter_set_id
  const chroma = HIGH_PROFILES.has(profileIdc)
    ? readChroma(bits)
    : { chromaFormatIdc: 1, separatePlanes: false, bitDepthLuma: 8, bitDepthChroma: 8 };
  bits.unsignedGolomb(12); // log2_max_frame_num_minus4
  skipPictureOrder(bits);
  bits.unsignedGolomb(16); // max_num_ref_frames
  bits.skip(1); // gaps_in_frame_num_value_allowed_flag
  const widthMbs = bits.unsignedGolomb(1023) + 1;
  const heightMapUnits = bits.unsignedGolomb(1023) + 1;
  const frameMbsOnly = bits.bit();
  if (frameMbsOnly === 0) bits.skip(1); // mb_adaptive_frame_field_flag
  bits.skip(1); // direct_8x8_inference_flag
  const { chromaFormatIdc, separatePlanes, bitDepthLuma, bitDepthChroma } = chroma;
  const codedWidth = widthMbs * 16;
  const codedHeight = (2 - frameMbsOnly) * heightMapUnits * 16;
  const crop = bits.flag() ? readCrop(bits, separatePlanes ? 0 : chromaFormatIdc, frameMbsOnly) : NO_CROP;
  const width = codedWidth - crop.horizontal;
  const height = codedHeight - crop.vertical;
  if (width <= 0 || height <= 0) throw new ProtocolError('sps-crop', 0);
  // Cameras that get the picture size right may still cut their VUI short.
  const fps = unlessMalformed(() => readFps(bits)) ?? 0;
  return {
    profileIdc,
    constraintFlags,
    levelIdc,
    chromaFormatIdc,
    bitDepthLuma,
    bitDepthChroma,
    width,
    height,
    fps,
  };
}

function readChroma(bits: BitReader): {
  chromaFormatIdc: number;
  separatePlanes: boolean;
  bitDepthLuma: number;
  bitDepthChroma: number;
} {
  const chromaFormatIdc = bits.unsignedGolomb(3);
  const separatePlanes = chromaFormatIdc === 3 && bits.flag();
  const bitDepthLuma = 8 + bits.unsignedGolomb(6);
  const bitDepthChroma = 8 + bits.unsignedGolomb(6);
  bits.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (bits.flag()) {
    const lists = chromaFormatIdc === 3 ? 12 : 8;
    for (let index = 0; index < lists; index++) if (bits.flag()) skipScalingList(bits, index < 6 ? 16 : 64);
  }
  return { chromaFormatIdc, separatePlanes, bitDepthLuma, bitDepthChroma };
}

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  for (let index = 0; index < size; index++) {
    const next = (last + bits.signedGolomb() + 256) % 256;
    if (next === 0) return;
    last = next;
  }
}

function skipPictureOrder(bits: BitReader): void {
  const type = bits.unsignedGolomb(2);
  if (type === 0) bits.unsignedGolomb(12); // log2_max_pic_order_cnt_lsb_minus4
  if (type !== 1) return;
  bits.skip(1); // delta_pic_order_always_zero_flag
  bits.signedGolomb();
  bits.signedGolomb();
  const cycle = bits.unsignedGolomb(255);
  for (let index = 0; index < cycle; index++) bits.signedGolomb();
}

const NO_CROP = { horizontal: 0, vertical: 0 };

function readCrop(bits: BitReader, chromaArrayType: number, frameMbsOnly: number): typeof NO_CROP {
  const unitX = chromaArrayType === 1 || chromaArrayType === 2 ? 2 : 1;
  const unitY = (chromaArrayType === 1 ? 2 : 1) * (2 - frameMbsOnly);
  const left = bits.unsignedGolomb(16384);
  const right = bits.unsignedGolomb(16384);
  const top = bits.unsignedGolomb(16384);
  const bottom = bits.unsignedGolomb(16384);
  return { horizontal: (left + right) * unitX, vertical: (top + bottom) * unitY };
}

/** Frames per second from the VUI timing: two ticks a frame. */
function readFps(bits: BitReader): number {
  if (!bits.flag()) return 0;
  if (bits.flag() && bits.bits(8) === EXTENDED_SAR) bits.skip(32);
  if (bits.flag()) bits.skip(1); // overscan
  if (bits.flag()) {
    bits.skip(4); // video_format, video_full_range_flag
    if (bits.flag()) bits.skip(24); // colour description
  }
  if (bits.flag()) {
    bits.unsignedGolomb(5); // chroma_sample_loc_type_top_field
    bits.unsignedGolomb(5);
  }
  if (!bits.flag()) return 0;
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  if (unitsInTick === 0 || timeScale === 0) return 0;
  const fps = timeScale / (2 * unitsInTick);
  return fps > 0 && fps <= 1000 ? fps : 0;
}
