/* SPDX-License-Identifier: ISC */
/* COM1: a 16550A whose line is infinitely fast (National Semiconductor PC16550D data sheet). */
#ifndef KVM_RUN_SERIAL_H
#define KVM_RUN_SERIAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire.h"

#define SERIAL_BASE 0x3f8
#define SERIAL_IRQ 4
#define SERIAL_FIFO 16

struct con;
struct vm;

struct serial_state {
	uint8_t ier, lcr, mcr, scr, dll, dlm;
	uint8_t fcr;	   /* only the bits that stay: enable, trigger level */
	uint8_t msr_delta; /* low half of MSR, cleared by reading it */
	uint8_t overrun;   /* LSR_OE until LSR is read */
	bool thre;	   /* the transmitter-empty interrupt is pending */
	bool polled;	   /* the guest receives without interrupts, see input() */
	uint8_t lsr_reads; /* in a row */
	uint8_t head, count; /* of the receive FIFO */
	uint8_t data[SERIAL_FIFO];
	uint8_t errors[SERIAL_FIFO]; /* LSR bits that came with the byte */
};

struct serial {
	struct serial_state s;
	pthread_mutex_t lock; /* guards s and level */
	bool level;	      /* of the interrupt line, as last set */
	struct vm *vm;
	struct con *con; /* NULL: nothing is connected */
	uint64_t sent, received; /* bytes */
};

/* Puts the UART on the port bus, joined to the con wire `w` (NULL: to nothing). NULL, or the reason in why. Main thread. */
const char *serial_create(struct serial **out, struct vm *vm, const struct wire *w, char *why, size_t size);

/* Power-on state. The vCPUs are stopped. */
void serial_reset(struct serial *p);

/* Writes out what the guest has sent, frees. No vCPU runs any more. Main thread. NULL is ignored. */
void serial_destroy(struct serial *p);

#endif
