/*
 * How large libpq's two buffers of a connection may have become: they grow with what is in them and are never made
 * smaller. Pure. Not thread-safe.
 */
#ifndef POOL_BULK_H
#define POOL_BULK_H

#include <libpq-fe.h>
#include <stddef.h>

#include "repo/statement.h"

/* Begins zeroed. */
struct bulk {
  size_t pending; /* bytes of statements since all of the buffer was written */
  size_t largest; /* bytes that a buffer has held, when they were many; else 0 */
};

/* A statement is put into the buffer. */
void bulk_note_statement(struct bulk *bulk, const struct statement_parameters *parameters);

/* The socket took all that was in the buffer. */
static inline void bulk_note_written(struct bulk *bulk)
{
  bulk->pending = 0;
}

/* Rows came. */
void bulk_note_rows(struct bulk *bulk, const PGresult *result);

#endif
