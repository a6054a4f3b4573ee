/* SPDX-License-Identifier: ISC */
/* The firmware's debug port: reads tell that it is there, a write is a byte of text. */
#include <string.h>

#include "kvm-run/con_out.h"
#include "kvm-run/debugport.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

#define PORT 0x402
#define PRESENT 0xe9

static void
access_port(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	(void)off;
	if (write)
		con_out_put(dev, data, len);
	else
		*(uint8_t *)data = PRESENT;
}

const char *
debugport_create(struct vm *vm)
{
	static struct con_out out;

	for (size_t i = 0; i < vm->wires.n && !vm->debug; i++) {
		const struct wire *w = &vm->wires.v[i];
		int err;

		if (!w->nfds || w->kind != WIRE_CON || wiring_as(&vm->wires, w) != AS_DEBUG)
			continue;
		err = con_out_start(&out, w->id, w->fds[0]);
		if (err)
			return strerror(-err);
		vm->debug = &out;
		bus_add(&vm->ports, PORT, 1, access_port, &out);
	}
	return NULL;
}

void
debugport_stop(struct vm *vm)
{
	if (vm->debug)
		con_out_stop(vm->debug);
}
