/**
 * guard.ts: a process between the service and the server that cannot outlive
 * its purpose: the server ends when the service does, however that ends.
 *
 * The guard is a POSIX shell that starts the server and holds one end of a pipe
 * whose other end only the service has. The pipe closes when the service says so
 * or dies, by SIGKILL too, since the kernel closes it. Then the server gets
 * SIGTERM, which makes it drain, and SIGKILL if that takes too long. So an
 * orderly stop and the death of the service are the same path.
 *
 * The server is the guard's child, so its process id cannot become another's
 * before the guard has waited for it. The watcher is a process of its own: it
 * does its work even if the guard itself is killed. Guard and server are in a
 * session of their own, where no signal of a terminal or to the service's
 * process group reaches them.
 */

/** First line of what the guard writes on descriptor 3: the server's process id. */
export const guardScript = `
grace=$1
shift
exec 4<&0
"$@" </dev/null 3>&- 4<&- &
server=$!
echo "$server" >&3
exec 3>&-
{
  cat <&4 >/dev/null
  kill -TERM "$server"
  while [ "$grace" -gt 0 ] && kill -0 "$server"; do
    sleep 1
    grace=$((grace - 1))
  done
  kill -KILL "$server"
} >/dev/null 2>&1 &
watcher=$!
exec 4<&- </dev/null
wait "$server"
status=$?
kill -KILL "$watcher" 2>/dev/null
wait "$watcher" 2>/dev/null
exit "$status"
`;
