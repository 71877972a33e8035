/* What requests of a worker meet, gathered from all its parts for the board. */
#ifndef WORKER_SYMPTOMS_H
#define WORKER_SYMPTOMS_H

#include "front/front.h"
#include "handler/handler.h"
#include "worker/descriptors.h"

/* To be called with each beat, and when there is something new. */
void symptoms_show(struct descriptors *descriptors, struct handler *handler, const struct front *front);

#endif
