/* range.js - what an option allows, in the reader's language.
 *
 * The tracker says it in English: ends and units that read the same everywhere, put together with a
 * few words, and phrases of the option table (its `zero` and `range`), which the languages know by
 * their English text. What is not known stays as the tracker says it. */
import { hasText, t } from "../base/i18n.js";

const BYTES = /^(.*), at most (\d+) bytes$/;
const ZERO = /^(.*); 0: (.*)$/;
const WHOLE_SECONDS = /^(.*) in whole seconds$/;
const OR_MORE = /^(\d\w*) or more$/;

const phrase = (text) => (hasText(`phrase.${text}`) ? t(`phrase.${text}`) : text);

export function rangeText(english) {
    if (hasText(`phrase.${english}`)) return t(`phrase.${english}`);
    const bytes = BYTES.exec(english);
    if (bytes) return t("range.bytes", { range: rangeText(bytes[1]), n: bytes[2] });
    const zero = ZERO.exec(english);
    if (zero) return `${rangeText(zero[1])}; 0: ${phrase(zero[2])}`;
    const whole = WHOLE_SECONDS.exec(english);
    if (whole) return t("range.whole_seconds", { range: whole[1] });
    const more = OR_MORE.exec(english);
    return more ? t("range.or_more", { n: more[1] }) : english;
}
