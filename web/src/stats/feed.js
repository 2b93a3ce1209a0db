/* feed.js - /stats.json, again and again while somebody looks.
 *
 * Calls back with each answer and with each silence. A silent tracker is asked again after 1, 2, 4
 * and then every 5 seconds; a page that nobody sees asks nothing. */
import { askJson, BackOff } from "../base/net.js";
import { whileVisible } from "../base/shell.js";

const PERIOD_MS = 1000;
const LONGEST_WAIT_MS = 5000;

export function followStats({ onStats, onSilence }) {
    const waits = new BackOff(LONGEST_WAIT_MS);
    let timer = 0;
    let turn = 0; // what an abandoned turn brings is not wanted any more

    async function ask(mine) {
        let wait = PERIOD_MS;
        try {
            const stats = await askJson("/stats.json");
            if (mine !== turn) return;
            waits.reset();
            onStats(stats);
        } catch (error) {
            if (mine !== turn) return;
            wait = waits.take();
            onSilence(error);
        }
        timer = setTimeout(ask, wait, mine);
    }

    function stop() {
        turn++;
        clearTimeout(timer);
    }

    whileVisible(() => {
        stop();
        ask(turn);
    }, stop);
}
