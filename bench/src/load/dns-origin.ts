// Answers every DNS question over UDP with one address that may be kept for an hour.
import dgram from 'node:dgram';
import { failLoad, loadOptions, report } from './report.ts';

const HEADER_BYTES = 12;
const options = loadOptions<{ readonly port: number }>();
// A pointer to the question's name, type A, class IN, one hour, four bytes: 127.0.0.1.
const ANSWER = Buffer.of(0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 127, 0, 0, 1);

const socket = dgram.createSocket('udp4');
socket.on('message', (query, from) => {
  let at = HEADER_BYTES;
  while (at < query.length && query[at] !== 0) at += (query[at] ?? 0) + 1;
  const question = query.subarray(HEADER_BYTES, at + 5);
  const isIpv4 = question.readUInt16BE(question.length - 4) === 1;
  const header = Buffer.from([...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isIpv4 ? 1 : 0, 0, 0, 0, 0]);
  socket.send(
    Buffer.concat(isIpv4 ? [header, question, ANSWER] : [header, question]),
    from.port,
    from.address,
  );
});
socket.on('error', failLoad);
socket.bind(options.port, '127.0.0.1', () => report('ready'));
