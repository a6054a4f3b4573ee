/* SPDX-License-Identifier: ISC */
/* Tables of accesses to a bus of ports, for tests of one device: each row is a check. */
#ifndef TESTS_UNIT_PORTS_H
#define TESTS_UNIT_PORTS_H

#include <string.h>

#include "kvm-run/bus.h"
#include "tests/unit/tap.h"

struct port_step {
	char op; /* 'w'rite, 'r'ead and compare */
	uint16_t port;
	uint8_t len;
	uint32_t value;
	const char *what;
};

static inline uint32_t
port_read(const struct bus *b, uint16_t port, unsigned len)
{
	uint32_t v = 0;

	bus_do(b, port, &v, len, false);
	return v;
}

static inline void
port_write(const struct bus *b, uint16_t port, unsigned len, uint32_t v)
{
	bus_do(b, port, &v, len, true);
}

static inline void
port_steps(const struct bus *b, const struct port_step *s, size_t n)
{
	for (; n--; s++) {
		uint32_t v;

		if (s->op == 'w') {
			port_write(b, s->port, s->len, s->value);
			continue;
		}
		v = port_read(b, s->port, s->len);
		ok(v == s->value, "%s: port %#x reads %#x, want %#x", s->what, s->port, v, s->value);
	}
}

#define PORT_STEPS(b, ...) \
	port_steps(b, (const struct port_step[]){__VA_ARGS__}, \
	    sizeof((const struct port_step[]){__VA_ARGS__}) / sizeof(struct port_step))

#endif
