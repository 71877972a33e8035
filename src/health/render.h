/* A board's snapshot as text: Prometheus metrics, and status.json (of /health handler/health.c). Both append. Pure,
 * thread-safe. */
#ifndef HEALTH_RENDER_H
#define HEALTH_RENDER_H

#include <stdint.h>

#include "health/board.h"
#include "health/health.h"

struct buffer;

/* How long, in microseconds, a status document may be trusted after it was made. */
#define RENDER_STATUS_LIFE INT64_C(5000000)

/* Prometheus's text format 0.0.4; names lontar_*, seconds. */
void render_metrics(const struct board_snapshot *snapshot, struct buffer *buffer);

/* A JSON document in the manner of health+json: status, output, stamps, totals, one object a worker. */
void render_status(const struct board_snapshot *snapshot, struct buffer *buffer);

#endif
