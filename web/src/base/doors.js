/* doors.js - the four ways in: what they are called and which colour they have, everywhere. */

export const DOORS = [
    { id: "udp4", name: "UDP IPv4", color: "--udp4" },
    { id: "udp6", name: "UDP IPv6", color: "--udp6" },
    { id: "http4", name: "HTTP IPv4", color: "--http4" },
    { id: "http6", name: "HTTP IPv6", color: "--http6" },
];

export const DOOR_NAMES = { udp: "UDP", http: "HTTP" };
export const FAMILY_NAMES = { ipv4: "IPv4", ipv6: "IPv6" };
