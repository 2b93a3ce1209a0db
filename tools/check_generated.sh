#!/bin/sh
# check_generated.sh - fails when docs/generated is not what the program prints.
#
#   check_generated.sh MUSTER FOLDER       both as paths; `./dev docs` brings the folder up to date
set -eu
muster=$1
folder=$2
stale=0
for pair in man:muster.1 options:options.md metrics:metrics.md sample:muster.conf.sample; do
    document=${pair%%:*}
    file=$folder/${pair#*:}
    if ! "$muster" docs "$document" | diff -u "$file" - >&2; then
        echo "stale: $file (muster docs $document prints something else)" >&2
        stale=1
    fi
done
exit $stale
