/* Chats at every kind of moment that PostgreSQL holds, for the tests of pages at both doors. */
#ifndef TESTS_MOMENTS_H
#define TESTS_MOMENTS_H

/*
 * An INSERT of `count` chats of the user and the subject, each number as text: moments at random among the ends of
 * time, the ends of what RFC 3339 knows, those beyond 64 bits of microseconds since 1970, none, a few that many share,
 * and neighbours a microsecond apart, where a double no longer tells them from each other.
 */
#define MOMENTS_INSERT(user, subject, count)                                                                           \
  "INSERT INTO chat_history (user_id, subject_id, question, response, created_at)"                                     \
  " SELECT " user ", " subject ", 'q', 'r', CASE (random() * 5)::integer"                                              \
  " WHEN 0 THEN ends[1 + floor(random() * cardinality(ends))]"                                                         \
  " WHEN 1 THEN '294276-12-31 23:59:59.999990Z'::timestamptz + floor(random() * 10) * interval '1 microsecond'"        \
  " WHEN 2 THEN '294246-12-31 00:00:00Z'::timestamptz + random() * interval '60 days'"                                 \
  " WHEN 3 THEN '2026-01-01 00:00:00Z'::timestamptz + floor(random() * 4) * interval '1 microsecond'"                  \
  " WHEN 4 THEN '4714-11-24 00:00:00Z BC'::timestamptz + floor(random() * 5) * interval '1 microsecond'"               \
  " ELSE 'epoch'::timestamptz + (random() - 0.5) * interval '9000 years' END"                                          \
  " FROM generate_series(1, " count "), (SELECT ARRAY[NULL, '-infinity', 'infinity', '4714-11-24 00:00:00Z BC',"       \
  " '0001-12-31 23:59:59.999999Z BC', '0001-01-01 00:00:00Z', '1969-12-31 23:59:59.999999Z', 'epoch', '2000-01-01Z',"  \
  " '9999-12-31 23:59:59.999999Z', '10000-01-01Z', '294247-01-10 04:00:54.775807Z', '294247-01-10 04:00:54.775808Z',"  \
  " '294276-12-31 23:59:59.999999Z']::timestamptz[] AS ends) AS known"

/* Their ids in the documented order. */
#define MOMENTS_ORDER(where)                                                                                           \
  "SELECT string_agg(id::text, ',' ORDER BY coalesce(created_at, '-infinity') DESC, id DESC) FROM chat_history "       \
  "WHERE " where

#endif
