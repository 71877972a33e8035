/* Servers that refuse, are silent, or have a name that takes long to look up; the loop goes on meanwhile. */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/dial.h"
#include "unit.h"

/* A name server that takes its time cannot be had without the system's configuration, so the look-up itself does:
 * slow.test has the address 127.0.0.1 after SLOW, none.test has none. */
enum { SLOW = 300000, TICK = 5000, GAP_MAX = 50000, TIMEOUT = 400000, COARSE = 20000, FOLDER_SIZE = 32 };

static atomic_int lookups;

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **ret_info)
{
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
  *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
  if (strstr(name, ".test") == NULL || hints->ai_flags & AI_NUMERICHOST)
    return real(name, service, hints, ret_info);
  atomic_fetch_add(&lookups, 1);
  if (strcmp(name, "none.test") == 0)
    return EAI_NONAME;
  (void)usleep(SLOW);
  return real("127.0.0.1", service, hints, ret_info);
}

static struct event_base *base;
static struct dialer *dialer;
static int64_t last_tick;
static int64_t longest_gap;

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
  int64_t now = clock_steady();
  (void)fd;
  (void)what;
  (void)argument;
  if (now - last_tick > longest_gap)
    longest_gap = now - last_tick;
  last_tick = now;
}

static void on_moved(void *argument)
{
  (void)argument;
}

static struct dial *dial(void)
{
  const struct dial_settings settings = {.application_name = "unit", .timeout = TIMEOUT, .moved = on_moved};
  return dial_new(dialer, &settings);
}

/* Lets the loop run until the dial has ended, and looks how long it was held up at most. */
static enum dial_state run(struct dial *it)
{
  const struct timeval interval = {0, TICK};
  struct event *tick = event_new(base, -1, EV_PERSIST, on_tick, NULL);
  event_add(tick, &interval);
  last_tick = clock_steady();
  longest_gap = 0;
  while (dial_state(it) == DIAL_BUSY) {
    event_base_loop(base, EVLOOP_ONCE);
    (void)dial_step(it);
  }
  event_free(tick);
  return dial_state(it);
}

/* A server that takes connections and says nothing; on a port that nothing listens to if it is not `open`. */
static int server(bool open, int *ret_port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&address, &length), 0);
  if (open)
    CU_ASSERT_EQUAL(listen(fd, 16), 0);
  *ret_port = ntohs(address.sin_port);
  return fd;
}

static void begin(const char *url)
{
  (void)unsetenv("PGHOST");
  base = event_base_new();
  dialer = dialer_new(base, url);
  atomic_store(&lookups, 0);
}

static void begin_at(const char *hosts, int first, int second)
{
  char url[256];
  if (second != 0)
    snprintf(url, sizeof url, "host=%s port=%d,%d", hosts, first, second);
  else
    snprintf(url, sizeof url, "host=%s port=%d", hosts, first);
  begin(url);
}

static void end(struct dial *it)
{
  dial_free(it);
  dialer_free(dialer);
  event_base_free(base);
}

static void every_server_is_tried(void)
{
  int port = 0;
  int other = 0;
  int fd = server(false, &port);
  int other_fd = server(false, &other);
  begin_at("127.0.0.1,127.0.0.1", port, other);
  struct dial *it = dial();
  CU_ASSERT_EQUAL(run(it), DIAL_FAILED);
  CU_ASSERT_STRING_EQUAL(dial_message(it), "Connection refused");
  CU_ASSERT_EQUAL(atomic_load(&lookups), 0);
  end(it);
  close(fd);
  close(other_fd);
}

static void a_silent_server_gets_its_share_of_the_time(void)
{
  int silent = 0;
  int closed = 0;
  int silent_fd = server(true, &silent);
  int closed_fd = server(false, &closed);
  begin_at("127.0.0.1,127.0.0.1", silent, closed);
  int64_t started = clock_steady();
  struct dial *it = dial();
  CU_ASSERT_EQUAL(run(it), DIAL_FAILED);
  int64_t took = clock_steady() - started;
  CU_ASSERT_STRING_EQUAL(dial_message(it), "no answer in time; Connection refused");
  CU_ASSERT_TRUE(took >= TIMEOUT / 2 - COARSE && took < TIMEOUT);
  CU_ASSERT_TRUE(longest_gap < GAP_MAX);
  dial_free(it);
  it = dial(); /* the silent one comes last now, and gets all the time */
  CU_ASSERT_EQUAL(run(it), DIAL_FAILED);
  CU_ASSERT_STRING_EQUAL(dial_message(it), "Connection refused; no answer in time");
  end(it);
  close(silent_fd);
  close(closed_fd);
}

/* The same behind a unix socket in a folder of its own. */
static int local_server(char folder[FOLDER_SIZE])
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(folder, FOLDER_SIZE, "/tmp/lontar-dial.XXXXXX");
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
  snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.5432", folder);
  CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  CU_ASSERT_EQUAL(listen(fd, 16), 0);
  return fd;
}

static void who_is_patient_waits_longer_on_this_machine(void)
{
  char folder[FOLDER_SIZE];
  char path[64];
  char url[64];
  int fd = local_server(folder);
  snprintf(url, sizeof url, "host=%s port=5432", folder);
  begin(url);
  struct dial *it = dial();
  CU_ASSERT_EQUAL(run(it), DIAL_FAILED);
  dial_free(it);
  const struct dial_settings settings = {
      .application_name = "unit", .timeout = TIMEOUT, .patient = true, .moved = on_moved};
  const struct timeval longer = {.tv_usec = TIMEOUT + TIMEOUT / 2};
  it = dial_new(dialer, &settings);
  event_base_loopexit(base, &longer);
  event_base_loop(base, 0);
  CU_ASSERT_EQUAL(dial_state(it), DIAL_BUSY);
  CU_ASSERT_TRUE(dial_may_wait(it));
  end(it);
  close(fd);
  snprintf(path, sizeof path, "%s/.s.PGSQL.5432", folder);
  unlink(path);
  rmdir(folder);
}

static void a_slow_look_up_does_not_hold_up_the_loop(void)
{
  int port = 0;
  int fd = server(false, &port);
  begin_at("slow.test", port, 0);
  struct dial *it = dial();
  struct dial *other = dial();
  CU_ASSERT_EQUAL(dial_fd(it), -1);
  CU_ASSERT_EQUAL(run(it), DIAL_FAILED);
  CU_ASSERT_EQUAL(run(other), DIAL_FAILED);
  CU_ASSERT_TRUE(longest_gap < GAP_MAX);
  CU_ASSERT_STRING_EQUAL(dial_message(it), "Connection refused");
  CU_ASSERT_STRING_EQUAL(dial_message(other), "Connection refused");
  CU_ASSERT_EQUAL(atomic_load(&lookups), 1);
  dial_free(other);
  end(it);
  close(fd);
}

static void a_name_without_an_address_is_told(void)
{
  int port = 0;
  int fd = server(false, &port);
  begin("host=none.test");
  struct dial *it = dial();
  CU_ASSERT_EQUAL(run(it), DIAL_FAILED);
  CU_ASSERT_STRING_EQUAL(dial_message(it), "the database's host name cannot be resolved");
  end(it);
  begin_at("none.test,127.0.0.1", port, 0);
  it = dial();
  CU_ASSERT_EQUAL(run(it), DIAL_FAILED);
  CU_ASSERT_STRING_EQUAL(dial_message(it), "the database's host name cannot be resolved; Connection refused");
  end(it);
  close(fd);
}

/* As when a worker ends, or gives up connecting. */
static void a_look_up_may_outlive_who_asked(void)
{
  begin("host=slow.test");
  struct dial *it = dial();
  dial_free(it);
  it = dial();
  CU_ASSERT_EQUAL(dial_state(it), DIAL_BUSY);
  end(it);
  (void)usleep(2 * SLOW); /* its thread frees what it holds */
  CU_ASSERT_EQUAL(atomic_load(&lookups), 1);
}

static void no_reason_tells_a_secret(void)
{
  begin("postgresql://lontar:geheim@[broken");
  struct dial *it = dial();
  CU_ASSERT_EQUAL(run(it), DIAL_FAILED);
  CU_ASSERT_PTR_NULL(strstr(dial_message(it), "geheim"));
  CU_ASSERT_PTR_NOT_NULL(strstr(dial_message(it), "database_url"));
  end(it);
}

/* What a server answers to the first that asks it for TLS; with "" it ends the connection. */
static pid_t answer(int fd, const char *words)
{
  const pid_t pid = fork();
  if (pid != 0)
    return pid;
  char question[64];
  const int client = accept(fd, NULL, NULL);
  (void)!read(client, question, sizeof question);
  (void)!write(client, words, strlen(words));
  if (*words == '\0')
    _exit(0);
  (void)usleep(TIMEOUT);
  _exit(0);
}

/* Only a server that is not there would come back by being started. */
static void it_is_told_whose_fault_it_was(void)
{
  static const struct {
    const char *host;
    const char *options;
    bool open;
    const char *words;
    bool ours;
  } cases[] = {
      {"127.0.0.1", "sslmode=require", true, "N", true},
      {"127.0.0.1", "sslmode=require", true, "HTTP/1.1 400 Bad Request", true},
      {"127.0.0.1", "sslmode=disable", true, "HTTP/1.1 400 Bad Request", true},
      {"127.0.0.1", "sslmode=require", true, "", false},
      {"127.0.0.1", "sslmode=disable", true, "", false},
      {"127.0.0.1", "sslmode=require", false, NULL, false},
      {"127.0.0.1", "sslmode=disable", true, NULL, false}, /* silent */
      {"/nowhere", "", false, NULL, false},
      {"none.test", "", false, NULL, true},
      {"none.test,127.0.0.1", "", false, NULL, false},
      {"127.0.0.1", "sslmode=nonsense", false, NULL, true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char url[256];
    int port = 0;
    const int fd = server(cases[i].open, &port);
    const pid_t pid = cases[i].words != NULL ? answer(fd, cases[i].words) : 0;
    (void)snprintf(url, sizeof url, "host=%s port=%d %s", cases[i].host, port, cases[i].options);
    begin(url);
    struct dial *it = dial();
    CU_ASSERT_EQUAL(run(it), DIAL_FAILED);
    CU_ASSERT_EQUAL(dial_was_ours(it), cases[i].ours);
    if (dial_was_ours(it) != cases[i].ours)
      printf("\n%s %s: %s", cases[i].host, cases[i].options, dial_message(it));
    end(it);
    (void)close(fd);
    if (pid != 0)
      CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
  }
}

UNIT_CASES(dial, UNIT_CASE(it_is_told_whose_fault_it_was), UNIT_CASE(every_server_is_tried),
           UNIT_CASE(a_silent_server_gets_its_share_of_the_time),
           UNIT_CASE(who_is_patient_waits_longer_on_this_machine), UNIT_CASE(a_slow_look_up_does_not_hold_up_the_loop),
           UNIT_CASE(a_name_without_an_address_is_told), UNIT_CASE(a_look_up_may_outlive_who_asked),
           UNIT_CASE(no_reason_tells_a_secret));
