/** Time between two pictures of the published stream. */
export const PICTURE_EVERY_MS = 40;
/** Pictures from one key frame to the next. */
export const PICTURES_PER_GOP = 50;
/** Time between two AAC frames at 44.1 kHz. */
export const AUDIO_EVERY_MS = 1024 / 44.1;
/** Bytes of one AAC frame: 128 kbit/s. */
export const AUDIO_BYTES = 371;

const VIDEO_BITS_PER_SECOND = 3_850_000;
const KEY_PICTURE_BYTES = 60_000;
const GOP_BYTES = (VIDEO_BITS_PER_SECOND / 8) * ((PICTURE_EVERY_MS * PICTURES_PER_GOP) / 1_000);
const PLAIN_PICTURE_BYTES = Math.round((GOP_BYTES - KEY_PICTURE_BYTES) / (PICTURES_PER_GOP - 1));
const VIDEO_TAG_OVERHEAD_BYTES = 11 + 5 + 4;
const AUDIO_TAG_OVERHEAD_BYTES = 11 + 2 + 4;

/** Size of one coded picture with its length prefix. */
export function pictureBytes(keyFrame: boolean): number {
  return keyFrame ? KEY_PICTURE_BYTES : PLAIN_PICTURE_BYTES;
}

/** What one viewer of the stream in FLV has to receive in a second, tag headers included. */
export function flvBytesPerSecond(): number {
  const gop = KEY_PICTURE_BYTES + (PICTURES_PER_GOP - 1) * PLAIN_PICTURE_BYTES;
  const video =
    (gop + PICTURES_PER_GOP * VIDEO_TAG_OVERHEAD_BYTES) / ((PICTURE_EVERY_MS * PICTURES_PER_GOP) / 1_000);
  return video + (1_000 / AUDIO_EVERY_MS) * (AUDIO_BYTES + AUDIO_TAG_OVERHEAD_BYTES);
}
