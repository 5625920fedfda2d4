// Icon paths on a 16 px grid, drawn with the current colour. An icon stands for an action or a state.

const PATHS = {
  search: '<circle cx="7" cy="7" r="4.25"/><path d="m10.2 10.2 3.3 3.3"/>',
  down: '<path d="m4.5 6.5 3.5 3.5 3.5-3.5"/>',
  up: '<path d="m4.5 9.5 3.5-3.5 3.5 3.5"/>',
  right: '<path d="m6.5 4.5 3.5 3.5-3.5 3.5"/>',
  x: '<path d="m4.5 4.5 7 7m0-7-7 7"/>',
  plus: '<path d="M8 3.5v9M3.5 8h9"/>',
  send: '<path d="M8 13V3.5M4 7.2 8 3.2l4 4"/>',
  stop: '<rect class="wb-f" x="4.5" y="4.5" width="7" height="7" rx="1"/>',
  copy: '<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M3.5 10.5A1 1 0 0 1 2.5 9.500V4A1.500 1.500 0 0 1 4 2.500h5.500a1 1 0 0 1 1 1"/>',
  check: '<path d="m3.5 8.5 3 3 6-7"/>',
  retry: '<path d="M13 8a5 5 0 1 1-1.600-3.700"/><path d="M13.200 2.300v3h-3"/>',
  warn: '<path d="M8 2.800 1.900 13h12.200L8 2.800Z"/><path d="M8 6.700v3M8 11.300v.1"/>',
  alert: '<circle cx="8" cy="8" r="5.500"/><path d="M8 5.200v3.300M8 10.700v.1"/>',
  info: '<circle cx="8" cy="8" r="5.500"/><path d="M8 7.500v3.300M8 5.300v.1"/>',
  chip: '<rect x="4.500" y="4.500" width="7" height="7" rx="1"/><path d="M6.500 2.500v2M9.500 2.500v2M6.500 11.500v2M9.500 11.500v2M2.500 6.500h2M2.500 9.500h2M11.500 6.500h2M11.500 9.500h2"/>',
  cloud: '<path d="M4.800 12.500a2.800 2.800 0 0 1-.3-5.600 3.800 3.800 0 0 1 7.300.7 2.500 2.500 0 0 1-.3 4.900H4.800Z"/>',
  plug: '<path d="M6 2.500v3M10 2.500v3M4 5.500h8v2a4 4 0 0 1-8 0v-2ZM8 11.500v2"/>',
  chat: '<path d="M2.500 4a1 1 0 0 1 1-1h9a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H7l-3 2.500V11h-.5a1 1 0 0 1-1-1V4Z"/>',
  image: '<rect x="2.500" y="3" width="11" height="10" rx="1.200"/><circle cx="5.800" cy="6.200" r="1"/><path d="m3 11.800 3-2.800 2 1.800 2.600-2.600 2.900 2.800"/>',
  tool: '<path d="M6.300 2.800c-1.700 0-2.300.8-2.300 2.100v1.400C4 7.300 3.400 8 2.400 8c1 0 1.600.7 1.600 1.700v1.400c0 1.300.6 2.100 2.300 2.100M9.700 2.800c1.700 0 2.300.8 2.300 2.100v1.400c0 1 .6 1.700 1.600 1.700-1 0-1.600.7-1.600 1.700v1.400c0 1.300-.6 2.100-2.300 2.100"/>',
  clock: '<circle cx="8" cy="8" r="5.500"/><path d="M8 5v3.200l2 1.200"/>',
  more: '<circle class="wb-f" cx="3.5" cy="8" r=".6"/><circle class="wb-f" cx="8" cy="8" r=".6"/><circle class="wb-f" cx="12.5" cy="8" r=".6"/>',
  trash: '<path d="M2.800 4.500h10.400M6.200 4.500V3.300a.8.8 0 0 1 .8-.8h2a.8.8 0 0 1 .8.8v1.200M4.200 4.500l.6 8a1 1 0 0 0 1 1h4.400a1 1 0 0 0 1-1l.6-8"/>',
  download: '<path d="M8 2.500v7.300M4.800 6.800 8 10l3.200-3.200M3 13.300h10"/>',
  pause: '<path d="M5.800 4v8M10.200 4v8"/>',
  play: '<path d="M5.200 3.800v8.400l6.600-4.200-6.600-4.200Z"/>',
  folder: '<path d="M2.500 4.500a1 1 0 0 1 1-1h2.700l1.500 1.700h4.800a1 1 0 0 1 1 1v5.300a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1v-7Z"/>',
  file: '<path d="M9 2.500H4.800a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h6.400a1 1 0 0 0 1-1V5.700L9 2.500ZM9 2.500v3.200h3.200"/>',
  shield: '<path d="M8 2.300 3.300 4v3.600c0 3 2 5 4.700 6.100 2.700-1.100 4.700-3.100 4.700-6.100V4L8 2.300Z"/><path d="m5.900 7.900 1.500 1.500 2.700-3"/>',
  layers: '<path d="m8 2.700 5.700 3L8 8.700l-5.700-3 5.700-3ZM2.500 8.700 8 11.600l5.500-2.900"/>',
  update: '<circle cx="8" cy="8" r="5.500"/><path d="M8 10.700V5.500M5.800 7.500 8 5.300l2.200 2.200"/>',
  disk: '<rect x="2.500" y="8.500" width="11" height="4.500" rx="1"/><path d="m3 8.500 1.500-5h7l1.500 5M10.800 10.800h.1"/>',
  tocell: '<rect x="2.500" y="2.500" width="11" height="4" rx="1"/><path d="M8 9v4.500M5.800 11.300 8 13.500l2.200-2.200"/>',
  sort: '<path d="M5 3.500v9M2.800 10.300 5 12.500l2.200-2.200M9 4.500h4.500M9 8h3.200M9 11.500h2"/>',
  lock: '<rect x="3.500" y="7" width="9" height="6.500" rx="1.200"/><path d="M5.500 7V5.200a2.500 2.500 0 0 1 5 0V7"/>',
  external: '<path d="M9.500 2.800h3.700v3.700M13 3 7.800 8.200M11.500 9.500v2.700a1 1 0 0 1-1 1H3.800a1 1 0 0 1-1-1V5.500a1 1 0 0 1 1-1h2.700"/>',
  offline: '<path d="M4.800 12.500a2.800 2.800 0 0 1-.3-5.600 3.800 3.800 0 0 1 1-1.800M7.400 4.200a3.800 3.800 0 0 1 4.400 3.400 2.500 2.500 0 0 1 1.500 3.600M2.500 2.500l11 11"/>',
  edit: '<path d="m3 13 .7-2.900 6.800-6.800a1.300 1.300 0 0 1 1.900 0l.3.3a1.300 1.300 0 0 1 0 1.900L5.900 12.300 3 13ZM9.300 4.500l2.200 2.200"/>',
  key: '<circle cx="5.200" cy="10.800" r="2.700"/><path d="m7.200 8.800 6-6M10.500 5.500l2 2"/>',
  left: '<path d="m9.5 4.5-3.5 3.5 3.5 3.5"/>',
  branch: '<circle cx="4.500" cy="3.800" r="1.500"/><circle cx="4.500" cy="12.200" r="1.500"/><circle cx="11.500" cy="5.800" r="1.500"/><path d="M4.500 5.300v5.400M11.500 7.300c0 2.200-3 1.900-5 2.600"/>',
  sliders: '<path d="M2.500 5h5M11 5h2.500M2.500 11H5M8.500 11h5"/><circle cx="9.200" cy="5" r="1.700"/><circle cx="6.700" cy="11" r="1.700"/>',
  history: '<path d="M3 8a5 5 0 1 0 1.600-3.700"/><path d="M2.800 2.300v3h3M8 5.500V8l1.800 1.100"/>',
  eye: '<path d="M1.800 8S4 3.800 8 3.800 14.200 8 14.200 8 12 12.200 8 12.200 1.800 8 1.800 8Z"/><circle cx="8" cy="8" r="1.800"/>',
  quote: '<path d="M2.800 3.500h10.400M2.800 6.500h10.400M2.800 9.500h5M2.800 12.500h3.200M11.200 9v4M9.200 11h4"/>',
  pin: '<path d="m9.300 2.300 4.400 4.400-2.200.6-2.300 3.500-4-4 3.500-2.300.6-2.200ZM7.200 8.800 2.800 13.200"/>',
  tag: '<path d="M2.500 3.500a1 1 0 0 1 1-1h4.300l5.500 5.500a1 1 0 0 1 0 1.400l-3.900 3.900a1 1 0 0 1-1.400 0L2.500 7.800V3.500Z"/><path d="M5.500 5.500h.1"/>',
  chart: '<path d="M3.500 13V8.500M8 13V3M12.500 13V6"/>',
} as const;

export type IconName = keyof typeof PATHS;

/** An icon as an element, hidden from screen readers: the control that holds it carries the words. */
export function icon(name: IconName, small = false): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", small ? "wb-i wb-i--s" : "wb-i");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.innerHTML = PATHS[name];
  return svg;
}
