/* early.js - runs before the first paint: the theme, so that no page flashes in the wrong one.
 *
 * data-theme on <html> is always "light" or "dark"; what was chosen, if anything, is kept in the
 * browser under "muster.theme" (theme.js). */
import { applyTheme, followSystem } from "./theme.js";

applyTheme();
followSystem();
