#!/bin/sh
# A shell is an agent, too: asks how the hive is, and tries a command with the desk's ticket, but without its key.
waggle() { node "$(dirname "$0")/../../dist/main.js" "$@"; }

echo "shell → desk: how is the hive?"
status=$(waggle call --authid shell yamtam.hive.status) || exit 1
echo "desk → shell: $status"

echo "shell → gate: 54 bees to the west (with the desk's ticket, not signed)"
if refusal=$(waggle call --authid desk yamtam.hive.open -k field=west -k bees=54 2>&1); then
  echo "the gate opens for anybody" >&2
  exit 1
fi
echo "router → shell: $refusal"
