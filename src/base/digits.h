/* Decimal digits, two at a time: half the divisions, and a page of records is full of numbers. Thread-safe. */
#ifndef BASE_DIGITS_H
#define BASE_DIGITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Digits of the largest number. */
enum { DIGITS_MAX = 20 };

/* "00" to "99", one after the other. */
extern const char digits_pairs[201];

/* Writes a number below 100 with both digits; returns the place behind them. */
static inline char *digits_two(char *out, unsigned number)
{
  memcpy(out, digits_pairs + 2 * (size_t)number, 2);
  return out + 2;
}

/* Writes the number so that it ends before `end`, where DIGITS_MAX bytes must be free; returns its first digit. */
char *digits_before(char *end, uint64_t number);

#endif
