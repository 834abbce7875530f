# Arguments: the directory of a shared server, its lock, after how many idle seconds to end it and
# with which signal; then the server's command line. See shared.rs.

directory=$1
lock=$2
idle_seconds=$3
signal=$4
shift 4

exec 8>"$directory/watchdog"
flock --nonblock 8 || exit 1
echo $$ >&8

"$@" </dev/null 8>&- &
server=$!
echo "$server" >"$directory/pid"

unused() { flock --nonblock "$directory/users" true 8>&-; }
last_use() { stat --format=%y "$directory/users"; }

idle=0
seen=
while kill -0 "$server" 2>/dev/null; do
    sleep 1 8>&-
    now=$(last_use)
    if unused && [ "$now" = "$seen" ]; then idle=$((idle + 1)); else idle=0; fi
    seen=$now
    [ "$idle" -ge "$idle_seconds" ] || continue

    # Whoever comes now waits for the lock; whoever came just before has left a trace.
    exec 9>"$lock"
    flock 9
    if unused && [ "$(last_use)" = "$seen" ]; then
        kill -"$signal" "$server"
        wait "$server"
        rm -rf "$directory"
        rm -f "$lock"
        exit 0
    fi
    exec 9>&-
    idle=0
done
