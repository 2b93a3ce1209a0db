/* lights.js - announces as lights: a flash, and an ember that stays a while.
 *
 * Idea      flashes are few (those of the last two seconds) and are drawn anew every frame; embers
 *           are many (those of the last half minute) and are drawn four times a second on a canvas
 *           of their own. So the work per frame stays small at hundreds of announces a second.
 * Shapes    colour says the door; IPv4 is round, IPv6 a diamond.
 * Calm      where less motion is wanted there are embers only, drawn once a second. */
import { DOORS } from "../base/doors.js";
import { themeColor } from "../base/theme.js";

const FLASH_MS = 2200;
const EMBER_MS = 30000;
const LIGHTS_MAX = 6000;
const EMBER_PERIOD_MS = 250;
const CALM_PERIOD_MS = 1000;
const SPRITE_PX = 48;

export const KINDS = DOORS.map((door) => ({ ...door, isDiamond: door.id.endsWith("6") }));

function traceShape(pen, x, y, radius, isDiamond) {
    pen.beginPath();
    if (!isDiamond) {
        pen.arc(x, y, radius, 0, 2 * Math.PI);
        return;
    }
    const reach = radius * 1.25;
    pen.moveTo(x, y - reach);
    pen.lineTo(x + reach, y);
    pen.lineTo(x, y + reach);
    pen.lineTo(x - reach, y);
    pen.closePath();
}

/* A glow with a hard heart, drawn once per kind. */
function makeSprite(kind) {
    const sprite = document.createElement("canvas");
    sprite.width = sprite.height = SPRITE_PX * 2;
    const pen = sprite.getContext("2d");
    const middle = SPRITE_PX;
    const color = themeColor(kind.color);
    const glow = pen.createRadialGradient(middle, middle, 0, middle, middle, middle);
    glow.addColorStop(0, color + themeColor("--glow-heart"));
    glow.addColorStop(0.25, color + themeColor("--glow"));
    glow.addColorStop(1, `${color}00`);
    pen.fillStyle = glow;
    pen.fillRect(0, 0, sprite.width, sprite.height);
    traceShape(pen, middle, middle, 8, kind.isDiamond);
    pen.fillStyle = themeColor("--spark");
    pen.fill();
    pen.strokeStyle = color;
    pen.lineWidth = 4;
    pen.stroke();
    return sprite;
}

export class Lights {
    constructor(flashes, embers) {
        this.flashes = flashes;
        this.embers = embers;
        this.lights = [];
        this.scale = 1;
        this.zoom = 1;
        this.isRunning = false;
        this.embersAt = 0;
        this.calm = matchMedia("(prefers-reduced-motion: reduce)");
        this.renewColors();
    }

    /* Lights are as large as suits a map so wide. */
    setRoom(width_px) {
        this.zoom = Math.min(1.15, Math.max(0.4, width_px / 1500));
    }

    renewColors() {
        this.sprites = Object.fromEntries(KINDS.map((kind) => [kind.id, makeSprite(kind)]));
        this.colors = Object.fromEntries(KINDS.map((kind) => [kind.id, themeColor(kind.color)]));
    }

    /* A light at `place`; `delay_ms` spreads those that came in one message. */
    add(kind, [latitude, longitude], position, delay_ms) {
        if (!position) return;
        const born = performance.now() + delay_ms;
        this.lights.push({ kind, latitude, longitude, x: position[0], y: position[1], born });
        if (this.lights.length > LIGHTS_MAX) this.lights.splice(0, this.lights.length - LIGHTS_MAX);
    }

    /* After the map changed its size. */
    moveTo(place) {
        for (const light of this.lights)
            [light.x, light.y] = place(light.latitude, light.longitude) ?? [-99, -99];
        this.drawEmbers(performance.now());
    }

    run() {
        if (this.isRunning) return;
        this.isRunning = true;
        const frame = (now) => {
            if (!this.isRunning) return;
            this.draw(now);
            requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
    }

    stop() {
        this.isRunning = false;
    }

    draw(now) {
        const isCalm = this.calm.matches;
        if (now - this.embersAt > (isCalm ? CALM_PERIOD_MS : EMBER_PERIOD_MS)) this.drawEmbers(now);
        if (!isCalm) this.drawFlashes(now);
    }

    drawFlashes(now) {
        const pen = this.pen(this.flashes);
        for (let i = this.lights.length - 1; i >= 0; i--) {
            const age = (now - this.lights[i].born) / FLASH_MS;
            if (age > 1.5) break;
            if (age >= 0 && age <= 1) this.drawFlash(pen, this.lights[i], age);
        }
    }

    /* Up in a tenth of its life, then slowly out and smaller. */
    drawFlash(pen, light, age) {
        const strength = age < 0.1 ? age * 10 : (1 - age) ** 1.6;
        const size = SPRITE_PX * this.zoom * (0.35 + 0.65 * strength);
        pen.globalAlpha = strength;
        pen.drawImage(this.sprites[light.kind], light.x - size / 2, light.y - size / 2, size, size);
    }

    drawEmbers(now) {
        this.embersAt = now;
        const firstLiving = this.lights.findIndex((light) => now - light.born < EMBER_MS);
        this.lights.splice(0, firstLiving < 0 ? this.lights.length : firstLiving);
        const pen = this.pen(this.embers);
        for (const light of this.lights) {
            const age = (now - light.born) / EMBER_MS;
            if (age < 0) continue;
            pen.globalAlpha = 0.85 * (1 - age);
            pen.fillStyle = this.colors[light.kind];
            traceShape(pen, light.x, light.y, 0.7 + this.zoom, light.kind.endsWith("6"));
            pen.fill();
        }
    }

    pen(canvas) {
        const pen = canvas.getContext("2d");
        pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
        pen.clearRect(0, 0, canvas.width, canvas.height);
        return pen;
    }
}
