/* SPDX-License-Identifier: ISC */
/* A 16550A; the contracts are in serial.h. Section numbers are those of the PC16550D data sheet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kvm-run/con.h"
#include "kvm-run/serial.h"
#include "kvm-run/stats.h"
#include "kvm-run/vm.h"

enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR };

/* 8.8 */
#define IER_RX 0x01
#define IER_THRE 0x02
#define IER_LINE 0x04
#define IER_MODEM 0x08
#define IER_MASK 0x0f
/* 8.6; in the order of their priority */
#define IIR_LINE 0x06
#define IIR_RX 0x04
#define IIR_RX_TIMEOUT 0x0c
#define IIR_THRE 0x02
#define IIR_MODEM 0x00
#define IIR_NONE 0x01
#define IIR_FIFO 0xc0
/* 8.5 */
#define FCR_ENABLE 0x01
#define FCR_CLEAR_RX 0x02
#define FCR_TRIGGER 0xc0
/* 8.1, 8.7, 8.4, 8.9 */
#define LCR_DLAB 0x80
#define MCR_DTR 0x01
#define MCR_RTS 0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08 /* on a PC: lets the interrupt through */
#define MCR_LOOP 0x10
#define MCR_MASK 0x1f
#define LSR_DR 0x01
#define LSR_OE 0x02
#define LSR_BI 0x10
#define LSR_EMPTY 0x60 /* holding register and shift register: always, as the line is infinitely fast */
#define MSR_CTS 0x10
#define MSR_DSR 0x20
#define MSR_RI 0x40
#define MSR_DCD 0x80

/* Reading the line status this often with nothing in between is waiting for input; a driver that starts up, or that
 * sends, reads it once or twice. */
#define POLLING 4

static unsigned
fifo_size(const struct serial_state *s)
{
	return s->fcr & FCR_ENABLE ? SERIAL_FIFO : 1;
}

static unsigned
trigger(const struct serial_state *s)
{
	static const uint8_t levels[] = {1, 4, 8, 14};

	return s->fcr & FCR_ENABLE ? levels[s->fcr >> 6] : 1;
}

/* Drivers also turn the receive interrupt on to see whether the bit is there, but then without OUT2. */
static bool
receiving(const struct serial_state *s)
{
	bool by_interrupt = s->ier & IER_RX && s->mcr & MCR_OUT2;

	return !(s->mcr & MCR_LOOP) && (by_interrupt || s->polled);
}

static void
receive(struct serial_state *s, uint8_t byte, uint8_t errors)
{
	unsigned at = (s->head + s->count) % SERIAL_FIFO;

	if (s->count == fifo_size(s)) {
		s->overrun = LSR_OE;
		return;
	}
	s->data[at] = byte;
	s->errors[at] = errors;
	s->count++;
}

static uint8_t
line_status(const struct serial_state *s)
{
	return LSR_EMPTY | s->overrun | (s->count ? LSR_DR | s->errors[s->head] : 0);
}

/* 8.9: in loop-back the modem's inputs are the UART's own outputs; else a modem that is there and ready. */
static uint8_t
modem_lines(const struct serial_state *s)
{
	if (!(s->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) | (s->mcr & MCR_OUT1 ? MSR_RI : 0) |
	    (s->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

static uint8_t
interrupt_id(const struct serial_state *s)
{
	if (s->ier & IER_LINE && line_status(s) & (LSR_OE | LSR_BI))
		return IIR_LINE;
	if (s->ier & IER_RX && s->count)
		return s->count >= trigger(s) ? IIR_RX : IIR_RX_TIMEOUT;
	if (s->ier & IER_THRE && s->thre)
		return IIR_THRE;
	if (s->ier & IER_MODEM && s->msr_delta)
		return IIR_MODEM;
	return IIR_NONE;
}

/* Lock held. */
static void
update_irq(struct serial *p)
{
	bool open = (p->s.mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;
	bool level = open && interrupt_id(&p->s) != IIR_NONE;

	if (level == p->level)
		return;
	p->level = level;
	vm_irq_line(p->vm, SERIAL_IRQ, level);
}

static uint8_t
read_data(struct serial_state *s)
{
	uint8_t byte = s->data[s->head];

	if (!s->count)
		return 0;
	s->head = (s->head + 1) % SERIAL_FIFO;
	s->count--;
	return byte;
}

static uint8_t
read_iir(struct serial_state *s)
{
	uint8_t id = interrupt_id(s);

	if (id == IIR_THRE)
		s->thre = false;
	return id | (s->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t
read_lsr(struct serial_state *s)
{
	uint8_t status = line_status(s);

	s->overrun = 0;
	if (s->count)
		s->errors[s->head] = 0;
	if (s->lsr_reads < POLLING)
		s->lsr_reads++;
	else
		s->polled = true;
	return status;
}

static uint8_t
read_msr(struct serial_state *s)
{
	uint8_t status = modem_lines(s) | s->msr_delta;

	s->msr_delta = 0;
	return status;
}

static uint8_t
read_reg(struct serial_state *s, unsigned reg)
{
	bool dlab = s->lcr & LCR_DLAB;

	if (reg != LSR)
		s->lsr_reads = 0;
	switch (reg) {
	case RBR_THR:
		return dlab ? s->dll : read_data(s);
	case IER:
		return dlab ? s->dlm : s->ier;
	case IIR_FCR:
		return read_iir(s);
	case LCR:
		return s->lcr;
	case MCR:
		return s->mcr;
	case LSR:
		return read_lsr(s);
	case MSR:
		return read_msr(s);
	default:
		return s->scr;
	}
}

static void
transmit(struct serial *p, uint8_t byte)
{
	stats_count(&p->sent, 1);
	if (p->s.mcr & MCR_LOOP)
		receive(&p->s, byte, 0);
	else if (p->con)
		con_write(p->con, &byte, 1);
	p->s.thre = true;
}

static void
write_ier(struct serial_state *s, uint8_t v)
{
	/* Enabling the interrupt of an empty transmitter raises it at once, 8.6; Linux probes for that. */
	if (v & ~s->ier & IER_THRE)
		s->thre = true;
	s->ier = v & IER_MASK;
	s->polled = false;
}

static void
write_fcr(struct serial_state *s, uint8_t v)
{
	/* 8.5: turning the FIFO off clears it too. The byte that came before it was turned on stays: Linux enables the receive
	 * interrupt first. */
	if (v & FCR_CLEAR_RX || (s->fcr & ~v & FCR_ENABLE)) {
		s->count = 0;
		s->polled = false;
	}
	s->fcr = v & FCR_ENABLE ? v & (FCR_ENABLE | FCR_TRIGGER) : 0;
}

static void
write_mcr(struct serial_state *s, uint8_t v)
{
	uint8_t before = modem_lines(s), after;

	s->mcr = v & MCR_MASK;
	after = modem_lines(s);
	/* 8.9: the deltas lie below their lines; that of RI marks only its trailing edge */
	s->msr_delta |= ((before ^ after) & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4 | (before & ~after & MSR_RI) >> 4;
}

static void
write_reg(struct serial *p, unsigned reg, uint8_t v)
{
	struct serial_state *s = &p->s;
	bool dlab = s->lcr & LCR_DLAB;

	s->lsr_reads = 0;
	switch (reg) {
	case RBR_THR:
		if (dlab)
			s->dll = v;
		else
			transmit(p, v);
		break;
	case IER:
		if (dlab)
			s->dlm = v;
		else
			write_ier(s, v);
		break;
	case IIR_FCR:
		write_fcr(s, v);
		break;
	case LCR:
		s->lcr = v;
		break;
	case MCR:
		write_mcr(s, v);
		break;
	case SCR:
		s->scr = v;
		break;
	}
}

static void
register_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct serial *p = dev;
	uint8_t *bytes = data;
	bool room;

	pthread_mutex_lock(&p->lock);
	for (unsigned i = 0; i < len; i++)
		if (write)
			write_reg(p, off + i, bytes[i]);
		else
			bytes[i] = read_reg(&p->s, off + i);
	update_irq(p);
	room = receiving(&p->s) && !p->s.count; /* not for every byte of a FIFO that is being emptied */
	pthread_mutex_unlock(&p->lock);
	if (room && p->con)
		con_room(p->con);
}

/*
 * Takes input into the FIFO as it has room; returns how many bytes. Only while the guest receives: its receive interrupt
 * is enabled, or it reads the line status again and again. Before that the bytes stay outside, because a kernel clears
 * the FIFO when it starts its driver, and typed-ahead input would be lost.
 */
static size_t
input(void *dev, const uint8_t *data, size_t len)
{
	struct serial *p = dev;
	size_t n = 0;

	pthread_mutex_lock(&p->lock);
	while (n < len && receiving(&p->s) && p->s.count < fifo_size(&p->s))
		receive(&p->s, data[n++], 0);
	stats_count(&p->received, n);
	update_irq(p);
	pthread_mutex_unlock(&p->lock);
	return n;
}

/* A break is a byte of zeroes with a flag, 8.4. Like the line it stands for, it does not wait for anybody. */
static void
send_break(void *dev)
{
	struct serial *p = dev;

	pthread_mutex_lock(&p->lock);
	receive(&p->s, 0, LSR_BI);
	update_irq(p);
	pthread_mutex_unlock(&p->lock);
}

static const struct con_front front = {.input = input, .send_break = send_break};

const char *
serial_create(struct serial **out, struct vm *vm, const struct wire *w, char *why, size_t size)
{
	struct serial *p = calloc(1, sizeof(*p));
	const char *fault = NULL;

	if (!p)
		return strerror(ENOMEM);
	p->vm = vm;
	pthread_mutex_init(&p->lock, NULL);
	serial_reset(p);
	if (w)
		fault = con_open(&p->con, vm, w, &front, p, why, size);
	if (fault) {
		free(p);
		return fault;
	}
	bus_add(&vm->ports, SERIAL_BASE, 8, register_access, p);
	*out = p;
	return NULL;
}

void
serial_reset(struct serial *p)
{
	pthread_mutex_lock(&p->lock);
	p->s = (struct serial_state){.dll = 12}; /* 9600 baud, as a BIOS leaves it */
	update_irq(p);
	pthread_mutex_unlock(&p->lock);
}

void
serial_destroy(struct serial *p)
{
	if (!p)
		return;
	con_close(p->con);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
