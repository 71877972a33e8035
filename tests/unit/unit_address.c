/* Database URLs are taken apart as libpq does it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "pool/address.h"
#include "unit.h"

static const char *or_dash(const char *text)
{
  return text != NULL ? text : "-";
}

/* "host hostaddr port; …", a dash for what is absent. */
static void check_list(const char *url, const char *wanted)
{
  char got[512] = "";
  size_t used = 0;
  struct address_list *list = address_list_parse(url);
  for (int i = 0; i < list->count; i++)
    used +=
        (size_t)snprintf(got + used, sizeof got - used, "%s%s %s %s", i > 0 ? "; " : "", or_dash(list->items[i].host),
                         or_dash(list->items[i].hostaddr), or_dash(list->items[i].port));
  address_list_free(list);
  if (strcmp(got, wanted) != 0)
    printf("\n    %s: got \"%s\", want \"%s\"\n", url, got, wanted);
  CU_ASSERT_STRING_EQUAL(got, wanted);
}

static void clear_environment(void)
{
  static const char *const names[] = {"PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    (void)unsetenv(names[i]);
}

static void hosts_addresses_and_ports_go_together(void)
{
  clear_environment();
  check_list("postgresql:///lontar", "- - 5432");
  check_list("lontar", "- - 5432");
  check_list("postgresql://db.test/lontar", "db.test - 5432");
  check_list("postgresql://a:1,b:2/lontar", "a - 1; b - 2");
  check_list("postgresql://a,b/lontar?port=7", "a - 7; b - 7");
  check_list("host=a,b port=1", "a - 1; b - 1");
  check_list("host=a,b hostaddr=1.2.3.4,::1 port=1,2", "a 1.2.3.4 1; b ::1 2");
  check_list("hostaddr=1.2.3.4,1.2.3.5", "- 1.2.3.4 5432; - 1.2.3.5 5432");
  check_list("host=/run/postgresql,a port=,6", "/run/postgresql - -; a - 6");
}

static void what_breaks_the_rules_is_left_to_libpq(void)
{
  clear_environment();
  check_list("host=a,b,c port=1,2", "- - -");
  check_list("host=a,b hostaddr=1.2.3.4", "- - -");
  check_list("host=a,,b", "- - -");
  check_list("host=a,", "- - -");
  check_list("host=a service=school", "- - -");
  check_list("postgresql://[broken", "- - 5432");
}

static void the_environment_says_what_the_url_does_not(void)
{
  clear_environment();
  (void)setenv("PGHOST", "db.test", 1);
  (void)setenv("PGPORT", "6000", 1);
  check_list("postgresql:///lontar", "db.test - 6000");
  check_list("postgresql://a/lontar", "a - 6000");
  check_list("postgresql://a:1/lontar", "a - 1");
  clear_environment();
}

static void only_names_need_a_look_up(void)
{
  static const struct {
    const char *url;
    bool names;
  } rows[] = {
      {"postgresql:///lontar", false}, {"host=/run/postgresql", false},    {"host=@abstract", false},
      {"host=127.0.0.1", false},       {"host=::1,10.0.0.1", false},       {"host=fe80::1%lo", false},
      {"host=localhost", true},        {"host=10.0.0.1,db.test", true},    {"host=db.test hostaddr=10.0.0.1", false},
      {"service=school", false},       {"postgresql://[::1]:5432/", false}};
  clear_environment();
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct address_list *list = address_list_parse(rows[i].url);
    if (address_list_has_names(list) != rows[i].names)
      printf("\n    %s\n", rows[i].url);
    CU_ASSERT_EQUAL(address_list_has_names(list), rows[i].names);
    address_list_free(list);
  }
}

static void a_name_becomes_its_addresses(void)
{
  clear_environment();
  struct address_list *list = address_list_parse("host=/run/postgresql,localhost port=1,2");
  struct address_list *resolved = address_list_resolve(list);
  CU_ASSERT_TRUE(resolved->count >= 2);
  CU_ASSERT_EQUAL(resolved->unresolved, 0);
  CU_ASSERT_STRING_EQUAL(resolved->items[0].host, "/run/postgresql");
  CU_ASSERT_PTR_NULL(resolved->items[0].hostaddr);
  for (int i = 1; i < resolved->count; i++) {
    CU_ASSERT_STRING_EQUAL(resolved->items[i].host, "localhost");
    CU_ASSERT_STRING_EQUAL(resolved->items[i].port, "2");
    CU_ASSERT_TRUE(strcmp(resolved->items[i].hostaddr, "127.0.0.1") == 0 ||
                   strcmp(resolved->items[i].hostaddr, "::1") == 0);
  }
  address_list_free(resolved);
  address_list_free(list);
}

static void one_of_them_can_be_kept(void)
{
  clear_environment();
  struct address_list *list = address_list_parse("host=/run/postgresql,localhost port=1,2");
  struct address_list *resolved = address_list_resolve(list);
  address_list_keep(resolved, 1);
  CU_ASSERT_TRUE(resolved->count >= 1);
  for (int i = 0; i < resolved->count; i++)
    CU_ASSERT_STRING_EQUAL(resolved->items[i].host, "localhost");
  address_list_keep(list, 0);
  CU_ASSERT_EQUAL(list->count, 1);
  CU_ASSERT_STRING_EQUAL(list->items[0].host, "/run/postgresql");
  address_list_keep(list, 7);
  CU_ASSERT_EQUAL(list->count, 0);
  address_list_free(resolved);
  address_list_free(list);
}

static uint64_t hash_of(const char *url)
{
  struct address_list *list = address_list_parse(url);
  const uint64_t hash = address_list_hash(list);
  address_list_free(list);
  return hash;
}

static void the_servers_alone_make_the_hash(void)
{
  clear_environment();
  const uint64_t hash = hash_of("host=a,b port=1,2 dbname=one user=me password=old");
  CU_ASSERT_EQUAL(hash_of("postgresql://you:new@a:1,b:2/two"), hash);
  CU_ASSERT_NOT_EQUAL(hash_of("host=b,a port=2,1"), hash);
  CU_ASSERT_NOT_EQUAL(hash_of("host=a,b port=1,3"), hash);
  CU_ASSERT_NOT_EQUAL(hash_of("host=a port=1"), hash);
  CU_ASSERT_NOT_EQUAL(hash_of("host=a,b hostaddr=10.0.0.1,10.0.0.2 port=1,2"), hash);
}

UNIT_CASES(address, UNIT_CASE(hosts_addresses_and_ports_go_together), UNIT_CASE(what_breaks_the_rules_is_left_to_libpq),
           UNIT_CASE(the_environment_says_what_the_url_does_not), UNIT_CASE(only_names_need_a_look_up),
           UNIT_CASE(a_name_becomes_its_addresses), UNIT_CASE(one_of_them_can_be_kept),
           UNIT_CASE(the_servers_alone_make_the_hash));
