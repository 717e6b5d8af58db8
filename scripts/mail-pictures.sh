#!/usr/bin/env bash
# Draws the mails of docs/mail, by light and by dark and in the width of a telephone, from the snapshots that the tests
# of the notification service hold them against.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v chromium >/dev/null || { echo "chromium is missing. Run: sudo apt-get install chromium" >&2; exit 1; }
pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT

# draw MAIL light|dark WIDTH HEIGHT — one picture, in CSS pixels.
draw() {
  local mail=$1 scheme=$2 width=$3 height=$4
  # What a snapshot says of itself ends at its second line of three dashes.
  awk 'fences > 1; /^---$/ { fences++ }' \
    "services/notification/src/domain/snapshots/notification__domain__content__tests__$mail.html.snap" >"$pages/$mail.html"
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars \
    --blink-settings=preferredColorScheme="$([ "$scheme" = dark ] && echo 0 || echo 1)" \
    --window-size="$width,$height" --screenshot="$PWD/docs/mail/$mail-$scheme.png" "file://$pages/$mail.html" 2>/dev/null
}

draw order_created light 640 800
draw order_created dark 360 840
draw order_shipped light 360 700
draw order_shipped dark 640 670
