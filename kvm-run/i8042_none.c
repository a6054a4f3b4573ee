/* SPDX-License-Identifier: ISC */
/*
 * The FADT says that there is no keyboard controller, so that no guest probes it (which costs half a second); but a
 * kernel told reboot=k, and some firmware, pulse the CPU's reset line through its output port without asking.
 */
#include <string.h>

#include "kvm-run/i8042.h"
#include "kvm-run/vm.h"

#define PORT_DATA 0x60
#define PORT_COMMAND 0x64
#define PULSE_RESET 0xfe /* pulse output line 0 low */

/* Reads give 0: in the status register that is "both buffers empty", so nobody waits for it. Firmware is given the ones of an
 * empty bus: it sees at once that nothing is there, and does not wait half a second for an answer to its self-test. */
static void
read_port(const struct vm *vm, void *data, unsigned len)
{
	if (!wires_first(&vm->wires, WIRE_FW))
		memset(data, 0, len);
}

static void
data_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	(void)off;
	if (!write)
		read_port(dev, data, len);
}

static void
command_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	(void)off;
	if (!write)
		read_port(dev, data, len);
	else if (*(const uint8_t *)data == PULSE_RESET)
		vm_end(dev, VM_RESET);
}

void
i8042_none(struct vm *vm)
{
	bus_add(&vm->ports, PORT_DATA, 1, data_access, vm);
	bus_add(&vm->ports, PORT_COMMAND, 1, command_access, vm);
}
