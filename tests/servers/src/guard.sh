# Arguments: the directory of a server, the signal that ends it.

# Ends when the process that started this one has ended.
cat >/dev/null

directory=$1
[ -d "$directory" ] || exit 0
server=$(cat "$directory/pid" 2>/dev/null)
if [ -n "$server" ] && grep -aqF "$directory" "/proc/$server/cmdline" 2>/dev/null; then
    family="$server $(grep -ls "^PPid:[[:space:]]*$server\$" /proc/[0-9]*/status |
        sed 's#/proc/\([0-9]*\)/.*#\1#')"
    kill -"$2" $family
    kill -CONT $family
    for _ in 1 2 3 4 5; do
        kill -0 "$server" || break
        sleep 1
    done
    kill -KILL $family
fi
if [ -f "$directory/port" ]; then
    rm -f "$(dirname "$directory")/port-$(cat "$directory/port")"
fi
rm -rf "$directory"
