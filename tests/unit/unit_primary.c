/* Which of several servers is the primary, and what is remembered of it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "health/primary.h"
#include "health/record.h"
#include "unit.h"

enum { OURS = 77, FOREIGN = 78 };

static struct sighting primary_at(uint64_t timeline)
{
  return (struct sighting){.takes_writes = true, .system = OURS, .timeline = timeline};
}

static struct sighting standby(void)
{
  return (struct sighting){.system = OURS};
}

static struct sighting other_database(void)
{
  return (struct sighting){.takes_writes = true, .system = FOREIGN, .timeline = 9};
}

static struct primary nobody(void)
{
  return (struct primary){.server = PRIMARY_NONE};
}

static struct primary known(uint64_t timeline, int server)
{
  return (struct primary){.system = OURS, .timeline = timeline, .server = server};
}

static void check(const struct primary *primary, int server, uint64_t timeline, enum board_alarm alarm)
{
  CU_ASSERT_EQUAL(primary->server, server);
  CU_ASSERT_EQUAL(primary->timeline, timeline);
  CU_ASSERT_EQUAL(primary->alarm, alarm);
}

static void who_takes_writes_is_the_primary(void)
{
  struct primary primary = nobody();
  const struct sighting nothing[2] = {{0}}, one[2] = {standby(), primary_at(3)};
  CU_ASSERT_FALSE(primary_look(&primary, nothing, 2));
  check(&primary, PRIMARY_NONE, 0, BOARD_ALARM_NONE);
  CU_ASSERT_TRUE(primary_look(&primary, one, 2));
  check(&primary, 1, 3, BOARD_ALARM_NONE);
  CU_ASSERT_FALSE(primary_look(&primary, one, 2));
}

static void the_newer_of_two_is_used(void)
{
  const struct sighting two[3] = {primary_at(3), standby(), primary_at(4)};
  struct primary primary = known(3, 0);
  CU_ASSERT_TRUE(primary_look(&primary, two, 3));
  check(&primary, 2, 4, BOARD_ALARM_TWO);
  CU_ASSERT_EQUAL(primary.other.timeline, 3);
  primary = nobody();
  CU_ASSERT_TRUE(primary_look(&primary, two, 3));
  check(&primary, 2, 4, BOARD_ALARM_TWO);
}

static void an_older_one_is_not_used(void)
{
  const struct sighting older[2] = {primary_at(3), {0}}, newer[2] = {primary_at(3), primary_at(4)};
  const struct sighting newest[2] = {primary_at(5), {0}};
  struct primary primary = known(4, 1);
  CU_ASSERT_FALSE(primary_look(&primary, older, 2));
  check(&primary, 1, 4, BOARD_ALARM_OLDER);
  CU_ASSERT_TRUE(primary_outdates(&primary, &older[0]));
  CU_ASSERT_FALSE(primary_look(&primary, newer, 2));
  check(&primary, 1, 4, BOARD_ALARM_TWO);
  CU_ASSERT_TRUE(primary_look(&primary, newest, 2));
  check(&primary, 0, 5, BOARD_ALARM_NONE);
}

static void another_database_is_not_used(void)
{
  const struct sighting foreign[2] = {other_database(), {0}}, both[2] = {other_database(), primary_at(2)};
  struct primary primary = known(2, 1);
  CU_ASSERT_FALSE(primary_look(&primary, foreign, 2));
  check(&primary, 1, 2, BOARD_ALARM_FOREIGN);
  CU_ASSERT_FALSE(primary_look(&primary, both, 2));
  check(&primary, 1, 2, BOARD_ALARM_TWO);
}

/* Two ways to one server, as through two poolers. */
static void of_two_alike_the_one_in_use_stays(void)
{
  const struct sighting twins[2] = {primary_at(2), primary_at(2)};
  struct primary primary = known(2, 1);
  CU_ASSERT_FALSE(primary_look(&primary, twins, 2));
  check(&primary, 1, 2, BOARD_ALARM_NONE);
}

static void the_only_one_is_used_and_told_of(void)
{
  struct primary primary = {.server = 0};
  struct sighting seen = primary_at(2);
  CU_ASSERT_FALSE(primary_look(&primary, &seen, 1)); /* nothing was connected before */
  check(&primary, 0, 2, BOARD_ALARM_NONE);
  seen = primary_at(3);
  CU_ASSERT_TRUE(primary_look(&primary, &seen, 1));
  check(&primary, 0, 3, BOARD_ALARM_NONE);
  seen = standby();
  CU_ASSERT_FALSE(primary_look(&primary, &seen, 1));
  seen = primary_at(2);
  CU_ASSERT_TRUE(primary_look(&primary, &seen, 1));
  check(&primary, 0, 2, BOARD_ALARM_BACK);
  CU_ASSERT_EQUAL(primary.other.timeline, 3);
  CU_ASSERT_FALSE(primary_look(&primary, &seen, 1));
  check(&primary, 0, 2, BOARD_ALARM_BACK);
  seen.system = FOREIGN;
  CU_ASSERT_TRUE(primary_look(&primary, &seen, 1));
  check(&primary, 0, 2, BOARD_ALARM_OTHER);
}

/* A server that does not say who it is. */
static void who_is_unknown_is_left_alone(void)
{
  const struct sighting mute = {.takes_writes = true};
  struct primary primary = known(4, 0);
  CU_ASSERT_FALSE(primary_outdates(&primary, &mute));
  CU_ASSERT_FALSE(primary_look(&primary, &mute, 1));
  check(&primary, 0, 4, BOARD_ALARM_NONE);
}

/* A sentence goes into a JSON string as it is. */
static void every_alarm_has_its_words(void)
{
  struct board_prober prober = {.system = OURS, .timeline = 4, .alarm_system = OURS, .alarm_timeline = 3};
  for (int alarm = BOARD_ALARM_NONE; alarm <= BOARD_ALARM_FOREIGN; alarm++) {
    CLEANUP(buffer_free) struct buffer words;
    buffer_init(&words, 512);
    prober.alarm = (uint64_t)alarm;
    primary_sentence(&prober, &words);
    CU_ASSERT_FALSE(words.failed);
    CU_ASSERT_EQUAL(words.length > 0, alarm != BOARD_ALARM_NONE);
    CU_ASSERT_EQUAL(primary_word(&prober) != NULL, alarm != BOARD_ALARM_NONE);
    for (size_t i = 0; i < words.length; i++)
      CU_ASSERT_TRUE(words.data[i] >= ' ' && words.data[i] <= '~' && words.data[i] != '"' && words.data[i] != '\\');
  }
}

static void the_record_outlives_and_belongs_to_its_servers(void)
{
  char folder[] = "/tmp/unit-primary-XXXXXX", file[64];
  const struct primary kept = {.system = UINT64_MAX, .timeline = UINT32_MAX};
  struct primary loaded = {.system = 1, .timeline = 1};
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
  record_load(folder, 1, &loaded);
  CU_ASSERT_EQUAL(loaded.system, 0);
  CU_ASSERT_TRUE(record_is_gone(folder));
  CU_ASSERT_TRUE(record_save(folder, 1, &kept));
  CU_ASSERT_FALSE(record_is_gone(folder));
  record_load(folder, 1, &loaded);
  CU_ASSERT_EQUAL(loaded.system, kept.system);
  CU_ASSERT_EQUAL(loaded.timeline, kept.timeline);
  record_load(folder, 2, &loaded);
  CU_ASSERT_EQUAL(loaded.system, 0);
  CU_ASSERT_EQUAL(loaded.timeline, 0);
  (void)snprintf(file, sizeof file, "%s/" RECORD_FILE, folder);
  FILE *damaged = fopen(file, "we");
  CU_ASSERT_PTR_NOT_NULL_FATAL(damaged);
  (void)fputs("{\"servers\": \"0000000000000001\", \"system\"", damaged);
  (void)fclose(damaged);
  record_load(folder, 1, &loaded);
  CU_ASSERT_EQUAL(loaded.system, 0);
  CU_ASSERT_EQUAL(unlink(file), 0);
  CU_ASSERT_EQUAL(rmdir(folder), 0);
  CU_ASSERT_FALSE(record_save(folder, 1, &kept));
}

UNIT_CASES(primary, UNIT_CASE(who_takes_writes_is_the_primary), UNIT_CASE(the_newer_of_two_is_used),
           UNIT_CASE(an_older_one_is_not_used), UNIT_CASE(another_database_is_not_used),
           UNIT_CASE(of_two_alike_the_one_in_use_stays), UNIT_CASE(the_only_one_is_used_and_told_of),
           UNIT_CASE(who_is_unknown_is_left_alone), UNIT_CASE(every_alarm_has_its_words),
           UNIT_CASE(the_record_outlives_and_belongs_to_its_servers));
