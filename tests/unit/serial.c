/* links: kvm-run/serial.c kvm-run/bus.c */
/* SPDX-License-Identifier: ISC */
/* The UART as drivers see it: Linux's probe, each interrupt, the FIFO, and input that waits for a receiver. */
#include <stdlib.h>

#include "kvm-run/serial.h"
#include "kvm-run/vm.h"
#include "tests/unit/con_stub.h"
#include "tests/unit/ports.h"

static struct vm vm;
static struct serial *uart;
static bool line;
static unsigned line_changes;

void
vm_irq_line(struct vm *v, unsigned gsi, bool level)
{
	(void)v;
	if (gsi != SERIAL_IRQ)
		abort();
	line = level;
	line_changes++;
}

static size_t
type(const char *s)
{
	return stub_front->input(uart, (const uint8_t *)s, strlen(s));
}

/* Linux's autoconfig() in drivers/tty/serial/8250/8250_port.c */
static void
test_probe(void)
{
	serial_reset(uart);
	PORT_STEPS(&vm.ports, {'w', 0x3f9, 1, 0, ""}, {'r', 0x3f9, 1, 0, "IER takes 0"}, {'w', 0x3f9, 1, 0xff, ""},
	    {'r', 0x3f9, 1, 0x0f, "IER has four bits"}, {'w', 0x3f9, 1, 0, ""}, {'w', 0x3fc, 1, 0x1a, ""},
	    {'r', 0x3fe, 1, 0x92, "loop-back: RTS and OUT2 are CTS and DCD; DSR fell"},
	    {'r', 0x3fe, 1, 0x90, "deltas are cleared by reading"}, {'w', 0x3fc, 1, 0, ""},
	    {'w', 0x3fa, 1, 1, ""}, {'r', 0x3fa, 1, 0xc1, "FIFO on: a 16550A"}, {'w', 0x3fa, 1, 0x21, ""},
	    {'r', 0x3fa, 1, 0xc1, "but no 16750"}, {'w', 0x3fa, 1, 0, ""}, {'r', 0x3fa, 1, 0x01, "FIFO off"});
	PORT_STEPS(&vm.ports, {'w', 0x3fb, 1, 0x83, ""}, {'w', 0x3f8, 1, 0x34, ""}, {'w', 0x3f9, 1, 0x12, ""},
	    {'r', 0x3f8, 2, 0x1234, "divisor"}, {'w', 0x3fb, 1, 0x03, ""}, {'r', 0x3f9, 1, 0, "DLAB hides IER"},
	    {'r', 0x3fb, 1, 0x03, "LCR"}, {'w', 0x3ff, 1, 0xa5, ""}, {'r', 0x3ff, 1, 0xa5, "scratch"},
	    {'r', 0x3fd, 1, 0x60, "transmitter empty"}, {'r', 0x3fe, 1, 0xb2, "a modem is there; DSR rose"},
	    {'r', 0x2fd, 1, 0xff, "no COM2"});
	ok(!stub_noutput, "the divisor is not sent");
	ok(!line, "no interrupt yet");
}

static void
test_transmit(void)
{
	serial_reset(uart);
	stub_noutput = line_changes = 0;
	PORT_STEPS(&vm.ports, {'w', 0x3fc, 1, 0x08, ""}, {'w', 0x3f8, 1, 'a', ""}, {'r', 0x3fd, 1, 0x60, "room at once"},
	    {'w', 0x3f8, 1, 'b', ""});
	ok(stub_noutput == 2 && !memcmp(stub_output, "ab", 2), "bytes are sent in order");
	ok(!line_changes, "without an interrupt that nobody enabled");
	PORT_STEPS(&vm.ports, {'w', 0x3f9, 1, 2, ""}, {'r', 0x3fa, 1, 0x02, "sent bytes"}, {'w', 0x3f9, 1, 0, ""});
	ok(!line, "nothing left to tell");
	PORT_STEPS(&vm.ports, {'w', 0x3f9, 1, 2, ""});
	ok(line, "enabling THRE interrupts at once");
	PORT_STEPS(&vm.ports, {'r', 0x3fa, 1, 0x02, "IIR says THRE"});
	ok(!line, "reading it drops the line");
	PORT_STEPS(&vm.ports, {'r', 0x3fa, 1, 0x01, "and clears it"}, {'w', 0x3f8, 1, 'c', ""});
	ok(line, "a byte sent interrupts again");
	PORT_STEPS(&vm.ports, {'w', 0x3fc, 1, 0, ""});
	ok(!line, "OUT2 off: nothing gets through");
	PORT_STEPS(&vm.ports, {'w', 0x3fc, 1, 8, ""});
	ok(line && line_changes == 7, "the line was set on changes only, %u", line_changes);
}

static void
test_receive(void)
{
	serial_reset(uart);
	stub_rooms = 0;
	ok(type("early") == 0, "no input before the guest receives");
	PORT_STEPS(&vm.ports, {'w', 0x3fc, 1, 0x08, ""}, {'w', 0x3fa, 1, 0x81, ""}, {'r', 0x3fd, 1, 0x60, "nothing there"});
	ok(!stub_rooms, "a look at the status asks for nothing");
	PORT_STEPS(&vm.ports, {'w', 0x3fc, 1, 0x01, ""}, {'w', 0x3f9, 1, 0x0f, ""});
	ok(!stub_rooms && type("early") == 0, "nor does a probe of the interrupt's bit");
	PORT_STEPS(&vm.ports, {'w', 0x3fc, 1, 0x08, ""}, {'w', 0x3f9, 1, 0x05, ""});
	ok(stub_rooms > 0, "the receive interrupt, let through, does");
	ok(type("0123456") == 7 && line, "seven bytes interrupt");
	PORT_STEPS(&vm.ports, {'r', 0x3fa, 1, 0xcc, "below the trigger level: time-out"});
	ok(type("789abcdefgh") == 9, "sixteen fit");
	PORT_STEPS(&vm.ports, {'r', 0x3fa, 1, 0xc4, "trigger level"}, {'r', 0x3fd, 1, 0x61, "data, no overrun"},
	    {'r', 0x3f8, 1, '0', "first byte"}, {'r', 0x3f8, 1, '1', "second byte"});
	ok(type("ghij") == 2, "reading makes room for two");
	stub_rooms = 0;
	for (unsigned i = 2; i < 18; i++)
		if (!ok(port_read(&vm.ports, 0x3f8, 1) == (unsigned char)"0123456789abcdefgh"[i], "byte %u", i))
			break;
	ok(!line, "empty: the line drops");
	ok(stub_rooms == 1, "and more is asked for, once");
	PORT_STEPS(&vm.ports, {'r', 0x3f8, 1, 0, "an empty FIFO reads 0"}, {'r', 0x3fa, 1, 0xc1, "no interrupt"});
	type("xyz");
	PORT_STEPS(&vm.ports, {'w', 0x3fa, 1, 0x83, ""}, {'r', 0x3fd, 1, 0x60, "clearing the FIFO empties it"},
	    {'w', 0x3fa, 1, 0, ""});
	ok(type("pq") == 1, "without the FIFO one byte fits");
	PORT_STEPS(&vm.ports, {'w', 0x3fa, 1, 1, ""}, {'r', 0x3f8, 1, 'p', "and stays when it is turned on"});
	type("rs");
	PORT_STEPS(&vm.ports, {'w', 0x3fa, 1, 0, ""}, {'r', 0x3fd, 1, 0x60, "turned off, the FIFO is empty"});
}

static void
test_polling(void)
{
	serial_reset(uart);
	for (unsigned i = 0; i < 20; i++) {
		port_read(&vm.ports, 0x3fd, 1);
		port_write(&vm.ports, 0x3f8, 1, '.');
	}
	stub_noutput = 0;
	ok(type("a") == 0, "a guest that polls the transmitter does not receive");
	for (unsigned i = 0; i < 5; i++)
		port_read(&vm.ports, 0x3fd, 1);
	ok(type("ab") == 1, "one that waits at the status does");
	PORT_STEPS(&vm.ports, {'r', 0x3fd, 1, 0x61, "data ready"}, {'r', 0x3f8, 1, 'a', "the byte"});
	PORT_STEPS(&vm.ports, {'w', 0x3fa, 1, 0x07, ""});
	ok(type("b") == 0, "until a driver starts anew");
}

static void
test_errors(void)
{
	serial_reset(uart);
	PORT_STEPS(&vm.ports, {'w', 0x3fc, 1, 0x08, ""}, {'w', 0x3fa, 1, 1, ""}, {'w', 0x3f9, 1, 0x05, ""});
	type("a");
	stub_front->send_break(uart);
	PORT_STEPS(&vm.ports, {'r', 0x3fd, 1, 0x61, "the break is behind the byte"}, {'r', 0x3f8, 1, 'a', "the byte"},
	    {'r', 0x3fa, 1, 0xc6, "line status comes first"}, {'r', 0x3fd, 1, 0x71, "a break"},
	    {'r', 0x3fd, 1, 0x61, "said once"}, {'r', 0x3f8, 1, 0, "its byte"}, {'r', 0x3fd, 1, 0x60, "nothing left"});
	PORT_STEPS(&vm.ports, {'w', 0x3fc, 1, 0x18, ""});
	ok(type("x") == 0, "no input in loop-back");
	for (unsigned i = 0; i < 17; i++)
		port_write(&vm.ports, 0x3f8, 1, 'A' + i);
	ok(!stub_noutput, "nor output");
	PORT_STEPS(&vm.ports, {'r', 0x3fd, 1, 0x63, "overrun"}, {'r', 0x3fd, 1, 0x61, "said once"},
	    {'r', 0x3f8, 1, 'A', "the oldest is kept"});
	PORT_STEPS(&vm.ports, {'w', 0x3f9, 1, 0x08, ""}, {'w', 0x3fc, 1, 0x08, ""});
	ok(line, "modem lines that changed interrupt");
	PORT_STEPS(&vm.ports, {'r', 0x3fa, 1, 0xc0, "modem status"}, {'r', 0x3fe, 1, 0xb3, "CTS and DSR"});
	ok(!line, "reading it clears that");
}

int
main(void)
{
	struct wire w = {.kind = WIRE_CON};
	char why[64];

	if (serial_create(&uart, &vm, &w, why, sizeof(why)))
		abort();
	test_probe();
	test_transmit();
	test_receive();
	test_polling();
	test_errors();
	serial_destroy(uart);
	return tap_done();
}
