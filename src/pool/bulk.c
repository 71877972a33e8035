/* Follows how large libpq's buffers of a connection become. */
#include "pool/bulk.h"

/* What is smaller happens all the time, and leaves buffers small enough. */
enum { COMMON = 256 << 10 };

static void note(struct bulk *bulk, size_t bytes)
{
  if (bytes > COMMON && bytes > bulk->largest)
    bulk->largest = bytes;
}

void bulk_note_statement(struct bulk *bulk, const struct statement_parameters *parameters)
{
  for (int i = 0; i < parameters->count; i++)
    bulk->pending += (size_t)parameters->lengths[i];
  note(bulk, bulk->pending);
}

/* A row is taken out of the buffer when all of it is there. */
void bulk_note_rows(struct bulk *bulk, const PGresult *result)
{
  const int columns = PQnfields(result);
  const int rows = PQresultMemorySize(result) > COMMON ? PQntuples(result) : 0;
  for (int row = 0; row < rows; row++) {
    size_t bytes = 0;
    for (int column = 0; column < columns; column++)
      bytes += (size_t)PQgetlength(result, row, column);
    note(bulk, bytes);
  }
}
