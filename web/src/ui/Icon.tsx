// The page's own pictograms: 24 units wide, drawn with one stroke. Decoration only: whatever means
// something has words too.

const paths = {
  dashboard: "M4 4h7v9H4zM13 4h7v5h-7zM13 12h7v8h-7zM4 16h7v4H4z",
  folder: "M3 7a2 2 0 0 1 2-2h4l2 2.5h8a2 2 0 0 1 2 2V17a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z",
  session: "M9 4h6M10 4v5.5L4.8 17.6A1.6 1.6 0 0 0 6.2 20h11.6a1.6 1.6 0 0 0 1.4-2.4L14 9.5V4M7.5 14.5h9",
  model: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.500",
  tasks: "M4 6.500l1.500 1.500L8.500 5M4 16.500l1.500 1.500 3-3M12 7h8M12 17h8",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  compare: "M12 4v16M8 8H4v8h4M16 8h4v8h-4",
  check: "M5 12.500l4.500 4.500L19 7.500",
  cross: "M6 6l12 12M18 6L6 18",
  circle: "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14",
  warning: "M12 4.500L2.800 19.500h18.400zM12 10v4.500M12 17v.1",
  info: "M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17M12 11v5M12 8v.1",
  plus: "M12 5v14M5 12h14",
  upload:
    "M12 16V4.500M7 9l5-5 5 5M4 16v2.500A1.500 1.500 0 0 0 5.500 20h13a1.500 1.500 0 0 0 1.500-1.500V16",
  download: "M12 4v11.500M7 11l5 5 5-5M4 18.500V20h16v-1.500",
  trash: "M4 7h16M9 7V4.500h6V7M6.500 7l.8 12.500h9.400l.8-12.500M10 10.500v6M14 10.500v6",
  pause: "M8 5v14M16 5v14",
  play: "M7 4.500v15l12-7.500z",
  retry: "M19.500 12a7.500 7.500 0 1 1-2.300-5.400M19.500 3.500v4h-4",
  stop: "M6.500 6.500h11v11h-11z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500",
  system: "M3.500 5h17v11h-17zM9 20h6M12 16v4",
  user: "M12 4.500a3.700 3.700 0 1 0 0 7.400 3.700 3.700 0 0 0 0-7.400M4.500 20c.7-3.800 3.700-5.700 7.500-5.700s6.800 1.900 7.500 5.700",
  key: "M15 4a5 5 0 1 0-4.700 6.700L4 17v3h3l1-1v-2h2v-2h2l1.700-1.700M16 8v.1",
  disk: "M4 6c0-1.400 3.600-2.500 8-2.500S20 4.600 20 6s-3.600 2.500-8 2.500S4 7.400 4 6M4 6v12c0 1.400 3.600 2.500 8 2.500s8-1.100 8-2.500V6M4 12c0 1.400 3.600 2.500 8 2.500s8-1.100 8-2.500",
  video: "M3.500 6h12v12h-12zM15.500 10.500l5-3v9l-5-3",
  eye: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
  right: "M9 5l7 7-7 7",
  left: "M15 5l-7 7 7 7",
  down: "M5 9l7 7 7-7",
  up: "M5 15l7-7 7 7",
  edit: "M4 20l1-4L16.500 4.500l3 3L8 19zM14 7l3 3",
  logout: "M14 4.500H5v15h9M10 12h10.500M17 8.500l3.500 3.500-3.500 3.500",
  file: "M6 3.500h8l4 4v13H6zM14 3.500v4h4",
  more: "M5.500 12v.1M12 12v.1M18.500 12v.1",
  search: "M10.500 4a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13M15.300 15.300L20 20",
  spinner: "M12 3.500a8.500 8.500 0 1 1-8.500 8.500",
  bolt: "M13 3L5 13.500h6L10 21l8-10.500h-6z",
  link: "M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300l-1.200 1.200M14 10a4 4 0 0 0-5.700 0l-3 3A4 4 0 0 0 11 18.700l1.200-1.200",
  menu: "M4 7h16M4 12h16M4 17h16",
  fullscreen: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  step: "M6 5v14l9-7zM18 5v14",
  stepBack: "M18 5v14l-9-7zM6 5v14",
  truth: "M4 4h4M4 4v4M20 4h-4M20 4v4M4 20h4M4 20v-4M20 20h-4M20 20v-4M8.500 12l2.500 2.500 4.500-5",
  undo: "M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-4",
  redo: "M16 5l4 4-4 4M20 9H10a5 5 0 0 0 0 10h4",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16, className }: { name: IconName; size?: number; className?: string }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={size >= 28 ? 1.4 : 1.9}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className={name === "spinner" ? `spinner ${className ?? ""}` : className}
    >
      <path d={paths[name]} />
    </svg>
  );
}
