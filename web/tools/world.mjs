/* world.mjs - the map of world-atlas, as coarse as a screen needs it.
 *
 * Idea      of the 1:50 million borders every point is dropped that moves an outline by less than a
 *           pixel of a large screen; islands that are smaller stay, as triangles, so that a light
 *           in Malta or Singapore has land under it.
 * Rejected  the 1:110 million map: half as large, but those islands are missing and coasts are
 *           visibly polygons; the 1:50 million map as it is: three times as large. */
import { presimplify, simplify } from "topojson-simplify";
import { quantize } from "topojson-client";

const AREA_MIN = 0.03; // square degrees of the triangle that a point makes with its neighbours
const GRID = 1e4;      // positions per axis after rounding

/* Antarctica would take a fifth of the window, and nobody announces from there. */
const LEFT_OUT = new Set(["010"]);

export function simplifiedWorld(atlas) {
    const geometries = atlas.objects.countries.geometries
        .filter((country) => !LEFT_OUT.has(country.id))
        .map(({ type, arcs }) => ({ type, arcs }));
    const world = {
        ...atlas,
        objects: { countries: { type: "GeometryCollection", geometries } },
    };
    return withoutUnusedArcs(quantize(simplify(presimplify(world), AREA_MIN), GRID));
}

function withoutUnusedArcs(world) {
    const place = new Map();
    const kept = [];
    const renumber = (arc) => {
        if (Array.isArray(arc)) return arc.map(renumber);
        const index = arc < 0 ? ~arc : arc;
        if (!place.has(index)) {
            place.set(index, kept.length);
            kept.push(world.arcs[index]);
        }
        return arc < 0 ? ~place.get(index) : place.get(index);
    };
    const geometries = world.objects.countries.geometries
        .map(({ type, arcs }) => (arcs ? { type, arcs: renumber(arcs) } : { type }));
    return {
        ...world,
        arcs: kept,
        objects: { countries: { type: "GeometryCollection", geometries } },
    };
}
