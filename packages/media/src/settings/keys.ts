/** What a setting's text means: a number, a 0/1 switch, or plain text. */
export type SettingKind = 'number' | 'flag' | 'text';

export type SettingKey = {
  readonly kind: SettingKind;
  readonly default: string;
  readonly description: string;
};

type Section = Readonly<Record<string, SettingKey>>;

const number = (value: number | string, description: string): SettingKey => ({
  kind: 'number',
  default: String(value),
  description,
});
const flag = (value: 0 | 1, description: string): SettingKey => ({
  kind: 'flag',
  default: String(value),
  description,
});
const text = (value: string, description: string): SettingKey => ({
  kind: 'text',
  default: value,
  description,
});

const hookUrl = (event: string): SettingKey => text('', `URL told about ${event}; empty switches it off.`);

/** Every setting of the media plane by section, with the text a fresh installation reports. */
export const SETTING_SECTIONS = {
  api: {
    apiDebug: flag(1, 'Log every API request and reply.'),
    secret: text('', 'API secret; a random one is made and kept when empty.'),
    snapRoot: text('./www/snap/', 'Where snapshots are kept.'),
    defaultSnap: text('./www/logo.png', 'Picture served when no snapshot can be made.'),
    downloadRoot: text('./www', 'Directories files may be downloaded from, separated by ";".'),
  },
  ffmpeg: {
    bin: text('/usr/bin/ffmpeg', 'The FFmpeg program; never changed through the API.'),
    cmd: text(
      '%s -re -i %s -c:a aac -strict -2 -ar 44100 -ab 48k -c:v libx264 -f flv %s',
      'Re-publish template.',
    ),
    snap: text(
      '%s -i %s -y -f mjpeg -frames:v 1 -an %s',
      'Snapshot template; never changed through the API.',
    ),
    log: text('./ffmpeg/ffmpeg.log', 'FFmpeg log file, empty for none.'),
    restart_sec: number(0, 'Seconds after which FFmpeg sources restart, 0 for never.'),
  },
  protocol: {
    modify_stamp: number(2, 'Timestamps: 0 as sent, 1 time of arrival, 2 relative with jumps corrected.'),
    enable_audio: flag(1, 'Forward audio.'),
    add_mute_audio: flag(1, 'Add silent AAC to a stream without audio.'),
    auto_close: flag(0, 'Close a stream nobody watches.'),
    continue_push_ms: number(15000, 'How long a stream outlives a lost publisher, ms; 0 for not at all.'),
    paced_sender_ms: number(0, 'Period of the smoothing timer, ms; 0 switches it off.'),
    enable_hls: flag(1, 'Offer HLS with MPEG-TS segments.'),
    enable_hls_fmp4: flag(0, 'Offer HLS with fMP4 segments.'),
    enable_mp4: flag(0, 'Record MP4.'),
    enable_rtsp: flag(1, 'Offer RTSP and WebRTC.'),
    enable_rtmp: flag(1, 'Offer RTMP, HTTP-FLV and WS-FLV.'),
    enable_ts: flag(1, 'Offer HTTP-TS and WS-TS.'),
    enable_fmp4: flag(1, 'Offer HTTP-fMP4 and WS-fMP4.'),
    mp4_as_player: flag(0, 'Count an MP4 recording as a reader.'),
    mp4_max_second: number(3600, 'Length of one MP4 file, seconds.'),
    mp4_save_path: text('./www', 'Where MP4 recordings are kept.'),
    hls_save_path: text('./www', 'Where HLS recordings are kept.'),
    hls_demand: flag(0, 'Produce HLS only while somebody watches it.'),
    rtsp_demand: flag(0, 'Produce RTSP only while somebody watches it.'),
    rtmp_demand: flag(0, 'Produce RTMP only while somebody watches it.'),
    ts_demand: flag(0, 'Produce TS only while somebody watches it.'),
    fmp4_demand: flag(0, 'Produce fMP4 only while somebody watches it.'),
  },
  general: {
    enableVhost: flag(0, 'Tell streams of different virtual hosts apart.'),
    flowThreshold: number(1024, 'KB below which the end of a session is not reported.'),
    maxStreamWaitMS: number(15000, 'How long a player waits for a stream that is not there yet, ms.'),
    streamNoneReaderDelayMS: number(20000, 'How long a stream may go unwatched before that is acted on, ms.'),
    resetWhenRePlay: flag(1, 'Restart the outputs when a pulled stream reconnects.'),
    mergeWriteMS: number(
      0,
      'Least interval between writes to a viewer, ms; 0 lets the number of viewers decide.',
    ),
    mediaServerId: text('your_server_id', 'Name of this server in every web hook.'),
    wait_track_ready_ms: number(10000, 'How long a publisher may take to send its first usable track, ms.'),
    wait_audio_track_data_ms: number(
      1000,
      'How long announced audio may stay silent before it is dropped, ms.',
    ),
    wait_add_track_ms: number(3000, 'How long to wait for a second track, ms.'),
    unready_frame_cache: number(100, 'Frames kept per track before the stream is on line.'),
    broadcast_player_count_changed: flag(0, 'Announce every change of the number of readers.'),
    listen_ip: text('127.0.0.1', 'Address the media listeners bind to.'),
    check_nvidia_dev: flag(1, 'Transcoding builds only.'),
    enable_ffmpeg_log: flag(0, 'Transcoding builds only.'),
  },
  hls: {
    fileBufSize: number(65536, 'Write buffer of segment files, bytes.'),
    segDur: number(2, 'Least duration of a segment, seconds.'),
    segNum: number(3, 'Segments in the playlist.'),
    segDelay: number(0, 'Segments by which the delayed playlist lags, 0 for none.'),
    segRetain: number(5, 'Segments kept after they left the playlist.'),
    broadcastRecordTs: flag(0, 'Announce every segment.'),
    deleteDelaySec: number(10, 'Seconds the files of an ended stream are kept.'),
    segKeep: flag(0, 'Keep every segment file.'),
    fastRegister: flag(0, 'Make the first segment one GOP long.'),
    fmp4SegExt: text('.mp4', 'File name suffix of fMP4 segments.'),
  },
  hook: {
    enable: flag(0, 'Call web hooks.'),
    on_flow_report: hookUrl('the end of a session'),
    on_http_access: hookUrl('access to files'),
    on_play: hookUrl('players'),
    on_publish: hookUrl('publishers'),
    on_record_mp4: hookUrl('finished MP4 files'),
    on_record_ts: hookUrl('finished segments'),
    on_rtsp_auth: hookUrl('RTSP credentials'),
    on_rtsp_realm: hookUrl('RTSP realms'),
    on_shell_login: hookUrl('shell logins'),
    on_stream_changed: hookUrl('streams that come and go'),
    on_stream_none_reader: hookUrl('unwatched streams'),
    on_stream_not_found: hookUrl('streams asked for in vain'),
    on_server_started: hookUrl('the start of the server'),
    on_server_exited: hookUrl('the end of the server'),
    on_server_keepalive: hookUrl('the server being alive'),
    on_send_rtp_stopped: hookUrl('the end of RTP sending'),
    on_rtp_server_timeout: hookUrl('RTP servers nobody sent to'),
    on_ip_not_found: hookUrl('calls from unknown addresses'),
    on_del_mp4: hookUrl('deleted recordings'),
    stream_changed_schemas: text('rtsp/rtmp/fmp4/ts/hls/hls.fmp4', 'Schemas on_stream_changed speaks of.'),
    timeoutSec: number(10, 'How long a hook may take, seconds.'),
    alive_interval: number('10.0', 'Seconds between keep-alive hooks.'),
    retry: number(1, 'Extra attempts of a failed hook.'),
    retry_delay: number('3.0', 'Seconds between attempts.'),
  },
  cluster: {
    origin_url: text('', 'Templates of the origin servers, separated by ";".'),
    timeout_sec: number(15, 'Time for all origins together, seconds.'),
    retry_count: number(3, 'Attempts of a pull from an origin, -1 for endless.'),
  },
  http: {
    charSet: text('utf-8', 'Character set named in content types.'),
    keepAliveSecond: number(30, 'Idle time of an HTTP connection, seconds.'),
    maxReqSize: number(40960, 'Largest request body held in memory, bytes.'),
    maxUploadSize: number(1073741824, 'Largest streamed upload, bytes.'),
    notFound: text(
      '<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>',
      'The page for what is not there.',
    ),
    port: number(9092, 'HTTP port, 0 for off.'),
    rootPath: text('./www', 'Root of the file server.'),
    sendBufSize: number(65536, 'Read size of the file server, bytes.'),
    sslport: number(0, 'HTTPS port, 0 for off.'),
    dirMenu: flag(1, 'List directories.'),
    virtualPath: text('', 'Further directories as "name,path;name,path".'),
    forbidCacheSuffix: text('', 'File name suffixes never cached.'),
    forwarded_ip_header: text('', 'Request header that carries the real client address.'),
    allow_cross_domains: flag(1, 'Answer cross-origin requests.'),
    allow_ip_range: text(
      '::1,127.0.0.1,172.16.0.0-172.31.255.255,192.168.0.0-192.168.255.255,10.0.0.0-10.255.255.255',
      'Addresses that may use the API and the file server; empty for all.',
    ),
  },
  multicast: {
    addrMax: text('239.255.255.255', 'Highest multicast group.'),
    addrMin: text('239.0.0.0', 'Lowest multicast group.'),
    udpTTL: number(64, 'Time to live of multicast packets.'),
  },
  record: {
    appName: text('record', 'App name that plays recordings.'),
    fileBufSize: number(65536, 'Write buffer of recordings, bytes.'),
    sampleMS: number(500, 'Media read at once when a file is played, ms.'),
    fastStart: flag(0, 'Move the index of an MP4 file to its front.'),
    fileRepeat: flag(0, 'Play files in a loop.'),
    enableFmp4: flag(0, 'Record fragmented MP4.'),
    diskThreshold: number(0.89, 'Share of the disk that may be used.'),
    diskAutoDelete: flag(0, 'Delete the oldest recordings when the disk is full.'),
  },
  rtmp: {
    handshakeSecond: number(15, 'Time from connecting to publishing or playing, seconds.'),
    keepAliveSecond: number(15, 'Silence after which a publisher is given up, seconds.'),
    port: number(1935, 'RTMP port, 0 for off.'),
    sslport: number(0, 'RTMPS port, 0 for off.'),
    directProxy: flag(1, 'Hand on packets as the publisher sent them.'),
    enhanced: flag(1, 'Use enhanced RTMP for codecs that need it.'),
  },
  rtp: {
    audioMtuSize: number(600, 'Largest audio RTP packet, bytes.'),
    videoMtuSize: number(1400, 'Largest video RTP packet, bytes.'),
    rtpMaxSize: number(10, 'Largest RTP packet over TCP, KB.'),
    lowLatency: flag(0, 'Send every RTP packet at once.'),
    h264_stap_a: flag(1, 'Send parameter sets as STAP-A.'),
  },
  rtp_proxy: {
    dumpDir: text('', 'Where received RTP is dumped, empty for nowhere.'),
    port: number(10000, 'Shared RTP port, 0 for off.'),
    timeoutSec: number(15, 'Silence after which an RTP sender is given up, seconds.'),
    port_range: text('30000-35000', 'Ports for RTP servers.'),
    h264_pt: number(98, 'RTP payload type of H.264.'),
    h265_pt: number(99, 'RTP payload type of H.265.'),
    ps_pt: number(96, 'RTP payload type of MPEG-PS.'),
    opus_pt: number(100, 'RTP payload type of Opus.'),
    gop_cache: flag(1, 'Keep the last GOP for RTP senders.'),
    rtp_g711_dur_ms: number(100, 'Duration of one G.711 packet, ms.'),
    udp_recv_socket_buffer: number(4194304, 'Receive buffer of RTP sockets, bytes.'),
    merge_frame: flag(1, 'Join the parts of a frame.'),
  },
  rtc: {
    signalingPort: number(3000, 'WebRTC signalling port.'),
    signalingSslPort: number(3001, 'WebRTC signalling port with TLS.'),
    icePort: number(3478, 'STUN and TURN port, UDP.'),
    iceTcpPort: number(3478, 'STUN and TURN port, TCP.'),
    enableTurn: flag(1, 'Serve TURN.'),
    iceTransportPolicy: number(0, 'Candidates offered: 0 all, 1 relayed only, 2 direct only.'),
    iceUfrag: text('sluice', 'TURN user.'),
    icePwd: text('', 'TURN password.'),
    datachannel_echo: flag(1, 'Echo data channel messages.'),
    max_stun_retry: number(7, 'STUN attempts.'),
    port_range: text('49152-65535', 'Ports for relayed candidates.'),
    timeoutSec: number(15, 'Silence after which a peer is given up, seconds.'),
    externIP: text('', 'Addresses named in candidates.'),
    interfaces: text('', 'Network interfaces used for candidates.'),
    port: number(8000, 'WebRTC media port, UDP.'),
    tcpPort: number(8000, 'WebRTC media port, TCP.'),
    start_bitrate: number(0, 'First bit rate suggested to the peer, kbit/s.'),
    max_bitrate: number(0, 'Highest bit rate suggested to the peer, kbit/s.'),
    min_bitrate: number(0, 'Lowest bit rate suggested to the peer, kbit/s.'),
    maxRtpCacheMS: number(5000, 'Age of packets kept for retransmission, ms.'),
    maxRtpCacheSize: number(2048, 'Packets kept for retransmission.'),
    nackMaxSize: number(2048, 'Missing packets tracked.'),
    nackMaxMS: number(3000, 'Age of missing packets tracked, ms.'),
    nackMaxCount: number(15, 'Requests for one missing packet.'),
    nackIntervalRatio: number('1.0', 'Interval of requests in round trips.'),
    nackRtpSize: number(8, 'Video packets after which a gap is reported.'),
    nackAudioRtpSize: number(4, 'Audio packets after which a gap is reported.'),
    bfilter: flag(0, 'Drop B-frames.'),
    preferred_tcp: flag(0, 'Prefer TCP candidates.'),
    rembBitRate: number(0, 'Bit rate asked from publishers, bit/s.'),
    preferredCodecA: text('PCMA,PCMU,opus,mpeg4-generic', 'Audio codecs in order of preference.'),
    preferredCodecV: text('H264,H265,AV1,VP9,VP8', 'Video codecs in order of preference.'),
  },
  srt: {
    timeoutSec: number(5, 'Silence after which an SRT peer is given up, seconds.'),
    port: number(9000, 'SRT port, 0 for off.'),
    latencyMul: number(4, 'Latency in round trips.'),
    pktBufSize: number(8192, 'Packets buffered per direction.'),
    passPhrase: text('', 'SRT passphrase, empty for no encryption.'),
  },
  rtsp: {
    authBasic: flag(0, 'Ask for Basic instead of Digest credentials.'),
    directProxy: flag(1, 'Hand on packets as the publisher sent them.'),
    handshakeSecond: number(15, 'Time from connecting to publishing or playing, seconds.'),
    keepAliveSecond: number(15, 'Silence after which a publisher is given up, seconds.'),
    port: number(1554, 'RTSP port, 0 for off.'),
    sslport: number(0, 'RTSPS port, 0 for off.'),
    lowLatency: flag(0, 'Send every RTP packet at once.'),
    rtpTransportType: number(-1, 'Forced transport: -1 none, 0 TCP, 1 UDP, 2 multicast.'),
  },
  shell: {
    maxReqSize: number(1024, 'Longest shell command, bytes.'),
    port: number(0, 'Shell port, 0 for off.'),
  },
} as const satisfies Record<string, Section>;

export type SectionName = keyof typeof SETTING_SECTIONS;

/** `section.key` → its description, for every known setting, in file order. */
export const SETTING_KEYS: ReadonlyMap<string, SettingKey> = new Map(
  Object.entries(SETTING_SECTIONS).flatMap(([section, keys]) =>
    Object.entries<SettingKey>(keys).map(([key, setting]) => [`${section}.${key}`, setting] as const),
  ),
);

/** Settings that name programs to run; the API must never change them. */
export const PROTECTED_SETTINGS: ReadonlySet<string> = new Set(['ffmpeg.bin', 'ffmpeg.snap']);
