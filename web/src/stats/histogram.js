/* histogram.js - cumulative or plain counts per bucket, as the tracker gives them.
 *
 * A histogram is { le: [upper bounds], count: [how many in each bucket] }; one count more than
 * bounds is the bucket without end. Counts are of each bucket alone. */

const sum = (counts) => counts.reduce((total, n) => total + n, 0);

export const total = (histogram) => sum(histogram?.count ?? []);

/* What came after `before`; the whole when the tracker started anew between the two. */
export function since(histogram, before) {
    const counts = histogram.count.map((n, i) => n - (before?.count[i] ?? 0));
    return counts.some((n) => n < 0) ? histogram : { ...histogram, count: counts };
}

/* The bound below which `share` of the values lie, between bounds by rule of three; null of an
 * empty one. The bucket without end counts as its lower bound. */
export function quantile(histogram, share) {
    const { le, count } = histogram;
    let wanted = share * sum(count);
    if (wanted === 0) return null;
    for (let i = 0; i < count.length; i++) {
        const from = i === 0 ? 0 : le[i - 1];
        if (wanted <= count[i] && i < le.length)
            return from + (le[i] - from) * (wanted / count[i]);
        if (wanted <= count[i]) return from;
        wanted -= count[i];
    }
    return le.at(-1);
}
