const PATHS = {
  overview: 'M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-3H4zM14 7h6V4h-6z',
  connections: 'M5 7h9M11 4l3 3-3 3M19 17h-9M13 14l-3 3 3 3',
  capture:
    'M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M8 12h8M12 8v8',
  streams: 'M4 6.5h11v11H4zM15 11l5-3v8l-5-3',
  statistics: 'M5 20v-8M12 20V4M19 20v-11',
  dns: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c3.5 4 3.5 14 0 18M12 3c-3.5 4-3.5 14 0 18',
  refresh: 'M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6',
  pin: 'M9 4h6l-1 6 3 3H7l3-3zM12 13v7',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2',
  explain: 'M5 6h14M5 12h8M5 18h5M16 15l3 3-3 3',
  unfold: 'M7 10l5 5 5-5',
  fold: 'M7 15l5-5 5 5',
  logs: 'M5 5h14M5 10h14M5 15h9M5 20h6',
  proxies:
    'M6 18a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM18 20a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM18 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8 15l8-7M8 16l8 2',
  settings:
    'M4 7h9M17 7h3M15 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM4 17h3M11 17h9M9 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4z',
  copy: 'M9 9h10v11H9zM15 9V4H5v11h4',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  close: 'M6 6l12 12M18 6L6 18',
  pause: 'M9 5v14M15 5v14',
  play: 'M8 5l11 7-11 7z',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4',
  moon: 'M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5z',
  screen: 'M4 5h16v11H4zM9 20h6M12 16v4',
  download: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14',
  gauge: 'M12 14l4-4M5 18a9 9 0 1 1 14 0',
  plus: 'M12 5v14M5 12h14',
  up: 'M12 19V6M6.5 11L12 5.5l5.5 5.5',
  down: 'M12 5v13M6.5 13l5.5 5.5 5.5-5.5',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l4.5 4.5',
  edit: 'M5 19l1-4L16 5l3 3L9 18z',
  warning: 'M12 4l9 16H3zM12 10v4.5M12 17.2v.3',
} as const;

export type IconName = keyof typeof PATHS;

/** A line drawing in the colour of the text; meaning must also be said in words nearby. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className="shrink-0"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
