/* atlas.js - the land under the lights: projection and drawing, by d3-geo.
 *
 * Equal Earth: areas are true, so that a light a square millimetre means the same everywhere. It is
 * turned a little, so that the edge runs through the Bering Strait and not through Chukotka. */
import { geoEqualEarth, geoGraticule10, geoPath } from "d3-geo";
import { feature, mesh } from "topojson-client";
import { themeColor } from "../base/theme.js";

const MARGIN_PX = 12;
const TURN_DEGREES = -11;

/* The outermost places that shall be seen: Alaska, Hawaii, Greenland, Chukotka, New Zealand, Fiji,
 * Cape Horn. */
const FRAME = {
    type: "MultiPoint",
    coordinates: [[-166, 66], [-160, 21], [-35, 83], [-172, 66], [178, -38], [179, -18], [-68, -56]],
};

export class Atlas {
    constructor(canvas) {
        this.canvas = canvas;
        this.projection = geoEqualEarth().rotate([TURN_DEGREES, 0]);
        this.world = null;
    }

    async load() {
        const answer = await fetch("/assets/world.json");
        const topology = await answer.json();
        this.world = {
            land: feature(topology, topology.objects.countries),
            borders: mesh(topology, topology.objects.countries, (a, b) => a !== b),
        };
    }

    fit(width, height) {
        this.projection.fitExtent(
            [[MARGIN_PX, MARGIN_PX], [width - MARGIN_PX, height - MARGIN_PX]], FRAME);
    }

    /* Pixels of a place. */
    place(latitude, longitude) {
        return this.projection([longitude, latitude]);
    }

    draw(scale) {
        const pen = this.canvas.getContext("2d");
        const path = geoPath(this.projection, pen);
        const shape = (geometry) => {
            pen.beginPath();
            path(geometry);
        };
        pen.setTransform(scale, 0, 0, scale, 0, 0);
        pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
        shape(geoGraticule10());
        pen.strokeStyle = themeColor("--grid");
        pen.lineWidth = 0.5;
        pen.stroke();
        shape(this.world.land);
        pen.fillStyle = themeColor("--land");
        pen.fill();
        shape(this.world.borders);
        pen.strokeStyle = themeColor("--border");
        pen.lineWidth = 0.6;
        pen.stroke();
    }
}
