# Sourced by the scripts of this folder: a private PostgreSQL with durable commits, lontard and nginx, in a folder of
# their own that is gone at the end, and what is measured of them.
# shellcheck shell=bash

PATH=$PATH:/usr/sbin # nginx
export LC_ALL=C.UTF-8
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$top/tests/bench

dir=     # everything made here
build=   # the folder of a build
lontard= # process numbers
nginx=
echo=
postgres=
judged= # set when the figures are there: a failure from now on is none of the stack

stack_die() { # MESSAGE
  printf '%s: %s\n' "${0##*/}" "$1" >&2
  exit 1
}

stack_say() {
  printf '%s\n' "$*" >&2
}

# ---- Beginning and end ----

# Runs the calling script again beside a throw-away PostgreSQL, unless it is there already.
stack_with_postgres() { # SCRIPT ARGUMENT...
  [ -z "${LONTAR_TEST_POSTGRES_DATA:-}" ] || return 0
  # As on a server of one's own: what is committed is on the disk. Autovacuum would come when it likes: the scripts vacuum.
  export LONTAR_TEST_POSTGRES_OPTIONS='-c fsync=on -c synchronous_commit=on -c full_page_writes=on
    -c shared_buffers=1GB -c max_wal_size=8GB -c checkpoint_timeout=30min -c random_page_cost=1.1 -c autovacuum=off'
  exec "$top/tests/with-postgres" "$@"
}

stack_open() {
  dir=$(mktemp -d /tmp/lontar-bench.XXXXXX)
  chmod 755 "$dir" # nginx's workers are another user
  mkdir "$dir/log" "$dir/run" "$dir/nginx" "$dir/nginx/temp"
  postgres=$LONTAR_TEST_POSTGRES_PID
  trap stack_close EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  ulimit -n 16384 2>/dev/null || true # 1,000 connections are two files each for nginx
}

stack_end() { # PID SIGNAL
  [ -z "$1" ] || ! kill "-$2" "$1" 2>/dev/null || wait "$1" || true
}

stack_close() {
  local status=$?
  stack_end "$nginx" QUIT
  stack_end "$echo" TERM
  stack_end "$lontard" TERM
  rm -f "$dir/log/access.log"
  [ "$status" = 0 ] || [ -n "$judged" ] || tail -v -n 15 "$dir"/log/* >&2 || true
  rm -rf "$dir"
}

# A release build in a folder of the stack, or the one that is given.
stack_build() { # FOLDER or nothing
  if [ -n "$1" ]; then
    build=$(cd "$1" && pwd)
    return
  fi
  stack_say 'building'
  "$top/tests/copy-source" "$dir/source"
  mkdir "$dir/build"
  build=$dir/build
  if ! (autoreconf --install "$dir/source" && cd "$build" && ../source/configure CFLAGS='-O2 -g' &&
    make -j"$(nproc)" all && make -j"$(nproc)" check TESTS=) >"$dir/log/build" 2>&1; then
    stack_die 'the build failed'
  fi
}

# ---- PostgreSQL and its data ----

stack_sql() { # ARGUMENT of psql...
  psql -X -q -A -t -v ON_ERROR_STOP=1 -d lontar_bench "$@"
}

stack_database() {
  cat >"$dir/lontar.conf" <<END
database_url = postgresql://lontar_daemon@/lontar_bench?host=$PGHOST&port=$PGPORT
listen = $dir/run/lontard.sock
run_dir = $dir/run
keyring = $dir/keyring
END
  [ "$(id -u)" != 0 ] || echo 'listen_group = www-data' >>"$dir/lontar.conf"
  psql -X -q -d postgres -c 'CREATE ROLE lontar_daemon LOGIN' -c 'CREATE DATABASE lontar_bench'
  LONTAR_DATABASE_URL="postgresql://$PGUSER@/lontar_bench?host=$PGHOST&port=$PGPORT" \
    "$build/lontarctl" -f "$dir/lontar.conf" migrate --grant lontar_daemon >"$dir/log/migrate" 2>&1
}

# The school of deploy/quickstart --demo-data with another number of chats.
stack_chats() { # FIRST LAST
  stack_sql -v first="$1" -v last="$2" -f "$top/deploy/demo-chats.sql"
  stack_sql -c 'VACUUM ANALYZE' -c CHECKPOINT
}

stack_school() { # CHATS
  export LONTAR_DATABASE_URL="postgresql://$PGUSER@/lontar_bench?host=$PGHOST&port=$PGPORT"
  "$build/lontarctl" -f "$dir/lontar.conf" user add siswa001 --role siswa <<<belajar-lontar >/dev/null
  unset LONTAR_DATABASE_URL
  stack_sql -f "$top/deploy/demo-data.sql"
  stack_chats 1 "$1"
}

# Every pupil logged in: lines of "id username token password".
stack_pupils() { # FILE
  stack_sql -c "INSERT INTO sessions (user_id, token, expires_at)
    SELECT id, 'token-of-' || username, now() + interval '7 days' FROM users WHERE username LIKE 'siswa%'"
  stack_sql -F ' ' -c "SELECT id, username, 'token-of-' || username, 'belajar-lontar' FROM users
    WHERE username LIKE 'siswa%' ORDER BY id" >"$1"
}

# ---- lontard and nginx ----

stack_lontard() { # WORKERS
  echo "workers = $1" >>"$dir/lontar.conf"
  key=$("$build/lontarctl" -f "$dir/lontar.conf" service-key add bench 2>/dev/null)
  stack_serve
}

stack_serve() {
  # shellcheck disable=SC2086
  ${LONTARD_WRAPPER:-} "$build/lontard" -f "$dir/lontar.conf" >>"$dir/log/lontard" 2>&1 </dev/null &
  lontard=$!
  stack_until test -S "$dir/run/lontard.sock"
}

# The files that are installed, with the place of the socket; a second time for the responder that answers at once.
stack_nginx() {
  local user=
  url=http://127.0.0.1:$("$build/tests/system/system" --port)
  echo_url=http://127.0.0.1:$("$build/tests/system/system" --port)
  [ "$(id -u)" != 0 ] || user='user www-data;'
  cp "$top"/nginx/lontar*.conf "$dir/nginx/"
  sed -i "s|unix:/run/lontar/lontard.sock|unix:$dir/run/lontard.sock|" "$dir/nginx/lontar.conf"
  sed "s|fastcgi_pass lontar;|fastcgi_pass echo;|" "$top/nginx/lontar-fastcgi.conf" >"$dir/nginx/echo-fastcgi.conf"
  sed "s|include lontar-fastcgi|include echo-fastcgi|" "$top/nginx/lontar-locations.conf" >"$dir/nginx/echo-locations.conf"
  {
    sed -n '/^upstream lontar/,/^}/p' "$dir/nginx/lontar.conf" |
      sed "s|upstream lontar|upstream echo|; s|unix:$dir/run/lontard.sock|unix:$dir/run/echo.sock|"
    echo "server { listen ${echo_url#http://} backlog=4096; access_log $dir/log/access.log lontar buffer=32k flush=1s;"
    echo 'include echo-locations.conf; }'
  } >"$dir/nginx/echo.conf"
  echo 'include echo.conf;' >>"$dir/nginx/lontar.conf"
  sed -e "s|@USER@|$user|" -e "s|@DIR@|$dir|g" -e "s|@PORT@|${url##*:}|" "$top/nginx/quickstart.conf.in" >"$dir/nginx/nginx.conf"
  nginx -e stderr -c "$dir/nginx/nginx.conf" -p "$dir/nginx/" >>"$dir/log/nginx" 2>&1 </dev/null &
  nginx=$!
}

# With the service key, or the token in `bearer`.
stack_ask() { # PATH ARGUMENT of curl...
  local path=$1
  shift
  curl -sS -f -m 30 --noproxy '*' -H "Authorization: Bearer ${bearer:-$key}" "$@" "$url$path"
}

stack_until() { # COMMAND...
  local _
  for _ in {1..300}; do
    ! "$@" >/dev/null 2>&1 || return 0
    sleep 0.1
  done
  stack_die "this does not come true: $*"
}

stack_wait() {
  stack_until stack_ask /health/ready
}

# ---- What it costs ----

# CPU seconds of the trees of processes below each root, with those of their children that ended.
stack_cpu() { # PID...
  { cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v roots="$*" -v tick="$(getconf CLK_TCK)" '
    { pid = $1; sub(/.*\) /, ""); parent[pid] = $2; own[pid] = $12 + $13 + $14 + $15 }
    END {
      count = split(roots, root, " ")
      for (pid in own)
        for (at = pid; at in parent && at > 1; at = parent[at])
          sum[at] += own[pid]
      for (i = 1; i <= count; i++) printf "%s%.2f", (i > 1 ? " " : ""), sum[root[i]] / tick
      print ""
    }'
}

# Kilobytes of lontard and its workers, shared pages divided among those who share them.
stack_pss() {
  local pid sum=0 kilobytes
  for pid in "$lontard" $(pgrep -P "$lontard"); do
    kilobytes=$(awk '$1 == "Pss:" { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null) || continue
    sum=$((sum + kilobytes))
  done
  echo "$sum"
}
