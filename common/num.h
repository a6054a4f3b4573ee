/* SPDX-License-Identifier: ISC */
/* Numbers from text. There is no atoi and no strtol at any call site. */
#ifndef COMMON_NUM_H
#define COMMON_NUM_H

#include <stdbool.h>
#include <stdint.h>

/* The whole of s is a decimal number, digits only, in min..max. */
bool num_parse(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* As num_parse, but the number may carry K, M, G or T (powers of 1024); a bare one is multiplied by `unit`. */
bool size_parse(const char *s, uint64_t unit, uint64_t min, uint64_t max, uint64_t *out);

/* Of a command line: on failure die_usage("-c abc: ...") naming the option letter, the word and the range. */
uint64_t num_opt(char letter, const char *s, uint64_t min, uint64_t max);

/* "52:54:00:12:34:56", either case. A multicast or all-zero address is refused. */
bool mac_parse(const char *s, uint8_t mac[6]);

#endif
