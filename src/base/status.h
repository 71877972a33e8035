/* HTTP's statuses by name. Source: statuses.def. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

enum status {
#define STATUS(name, number, ...) STATUS_##name = number,
#include "base/statuses.def"
#undef STATUS
};

#endif
