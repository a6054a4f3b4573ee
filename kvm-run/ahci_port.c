/* SPDX-License-Identifier: ISC */
/* A port's registers (AHCI 1.3.1, 3.3) and its life: started and stopped, reset; the contracts are in ahci_dev.h. */
#include <string.h>
#include <sys/eventfd.h>

#include "kvm-run/ahci_dev.h"
#include "kvm-run/vm.h"

enum {
	PX_CLB = 0x00,
	PX_CLBU = 0x04,
	PX_FB = 0x08,
	PX_FBU = 0x0c,
	PX_IS = 0x10,
	PX_IE = 0x14,
	PX_CMD = 0x18,
	PX_TFD = 0x20,
	PX_SIG = 0x24,
	PX_SSTS = 0x28,
	PX_SCTL = 0x2c,
	PX_SERR = 0x30,
	PX_SACT = 0x34,
	PX_CI = 0x38,
};

#define SCTL_WRITABLE 0xfffU
#define DET_OFFLINE 4
#define SSTS_UP 0x133U /* a drive, 6 Gb/s, active */
#define TFD_NO_DRIVE 0x7f
#define SIG_NONE 0xffffffffU

static uint32_t
ssts(const struct ahci_port *p)
{
	unsigned det = p->sctl & SCTL_DET;

	return det == DET_OFFLINE ? DET_OFFLINE : det ? 0 : SSTS_UP;
}

uint32_t
ahci_port_read(struct ahci_port *p, unsigned reg)
{
	uint32_t v = 0;

	pthread_mutex_lock(&p->lock);
	switch (reg) {
	case PX_CLB: v = (uint32_t)p->clb; break;
	case PX_CLBU: v = (uint32_t)(p->clb >> 32); break;
	case PX_FB: v = (uint32_t)p->fb; break;
	case PX_FBU: v = (uint32_t)(p->fb >> 32); break;
	case PX_IS: v = p->is; break;
	case PX_IE: v = p->ie; break;
	case PX_CMD: v = p->cmd; break;
	case PX_TFD: v = p->tfd; break;
	case PX_SIG: v = p->sig; break;
	case PX_SSTS: v = ssts(p); break;
	case PX_SCTL: v = p->sctl; break;
	case PX_SERR: v = p->serr; break;
	case PX_SACT: v = p->sact; break;
	case PX_CI: v = p->ci; break;
	}
	pthread_mutex_unlock(&p->lock);
	return v;
}

static uint64_t
with_low(uint64_t v, uint32_t low)
{
	return (v & ~0xffffffffULL) | low;
}

static uint64_t
with_high(uint64_t v, uint32_t high)
{
	return (uint64_t)high << 32 | (uint32_t)v;
}

/* Is there work for the I/O thread? */
static bool
write_cmd(struct ahci_port *p, uint32_t v)
{
	uint32_t was = p->cmd;

	p->cmd = (was & ~CMD_WRITABLE) | (v & CMD_WRITABLE & ~CMD_CLO);
	if (v & CMD_CLO)
		p->tfd &= ~(uint32_t)(ATA_BSY | ATA_DRQ);
	/* FIS reception is on as soon as it is asked for; the list runs until what it started has ended. */
	p->cmd = p->cmd & CMD_FRE ? p->cmd | CMD_FR : p->cmd & ~CMD_FR;
	if ((was & CMD_ST) && !(v & CMD_ST))
		p->want |= WANT_STOP;
	if (!(was & CMD_ST) && (v & CMD_ST))
		p->cmd = (p->cmd & ~CMD_CCS) | CMD_CR;
	return true;
}

/* COMRESET is on the line as long as DET says so; the drive comes back when it does not any more: 10.4.2. */
static bool
write_sctl(struct ahci_port *p, uint32_t v)
{
	bool was = (p->sctl & SCTL_DET) == DET_RESET, is = (v & SCTL_DET) == DET_RESET;

	p->sctl = v & SCTL_WRITABLE;
	if (is && !was) {
		p->want |= WANT_RESET;
		p->tfd = ATA_BSY;
		p->sig = SIG_NONE;
	}
	return is != was;
}

/* Port lock held; true when the I/O thread has to know. */
static bool
write_locked(struct ahci_port *p, unsigned reg, uint32_t v)
{
	switch (reg) {
	case PX_CLB: p->clb = with_low(p->clb, v & ~0x3ffU); break;
	case PX_CLBU: p->clb = with_high(p->clb, v); break;
	case PX_FB: p->fb = with_low(p->fb, v & ~0xffU); break;
	case PX_FBU: p->fb = with_high(p->fb, v); break;
	case PX_IS:
		p->is &= ~v;
		ahci_port_irq(p, false);
		break;
	case PX_IE:
		p->ie = v & IS_ALL;
		ahci_port_irq(p, true);
		break;
	case PX_CMD: return write_cmd(p, v);
	case PX_SCTL: return write_sctl(p, v);
	case PX_SERR: p->serr &= ~v; break;
	case PX_SACT:
		if (p->cmd & CMD_ST)
			p->sact |= v;
		break;
	case PX_CI:
		if (p->cmd & CMD_ST)
			p->ci |= v;
		return true;
	}
	return false;
}

void
ahci_port_write(struct ahci_port *p, unsigned reg, uint32_t v)
{
	bool kick;

	pthread_mutex_lock(&p->lock);
	kick = write_locked(p, reg, v);
	pthread_mutex_unlock(&p->lock);
	if (kick)
		eventfd_write(p->kick_fd, 1);
}

/* Nothing is at the disk any more, and nothing of it was told. */
static void
drop_commands(struct ahci_port *p)
{
	p->dropping = true;
	if (p->wire.disk)
		disk_drain(p->wire.disk);
	p->dropping = false;
	p->issued = p->queued = p->finished = p->events = 0;
	p->again = NULL;
	p->busy = p->failed = false;
}

/* The drive alone, as after COMRESET. Port lock held. */
static void
reset_drive(struct ahci_port *p)
{
	p->tfd = TFD_NO_DRIVE;
	p->sig = SIG_NONE;
	p->signature = true;
	p->write_cache = p->wire.writeback;
	if (p->cdrom)
		atapi_reset(p);
}

static void
do_wanted(struct ahci_port *p, unsigned want)
{
	drop_commands(p);
	pthread_mutex_lock(&p->lock);
	p->ci = p->sact = 0;
	if (want & WANT_RESET)
		reset_drive(p);
	/* Who sets ST again at once, without a look at CR, has it. */
	p->cmd = p->cmd & CMD_ST ? p->cmd | CMD_CR : p->cmd & ~CMD_CR;
	pthread_mutex_unlock(&p->lock);
}

void
ahci_port_reset(void *port)
{
	struct ahci_port *p = port;

	drop_commands(p);
	pthread_mutex_lock(&p->lock);
	p->clb = p->fb = 0;
	p->is = p->ie = p->cmd = p->sctl = p->serr = p->sact = p->ci = 0;
	p->want = 0;
	p->last = 0;
	memset(p->ncq_error, 0, sizeof(p->ncq_error));
	reset_drive(p);
	ahci_port_irq(p, false);
	pthread_mutex_unlock(&p->lock);
}

void
ahci_port_kick(struct watch *w, uint32_t events)
{
	struct ahci_port *p = container_of(w, struct ahci_port, kick);
	unsigned want;

	(void)events; /* each kick is an edge: the count need not be read */
	pthread_mutex_lock(&p->lock);
	want = p->want;
	p->want = 0;
	pthread_mutex_unlock(&p->lock);
	if (want)
		do_wanted(p, want);
	ahci_send_signature(p);
	ahci_run(p);
	ahci_settle(p);
}

void
ahci_port_reaped(struct disk *d)
{
	struct ahci_port *p = d->user;

	ahci_settle(p);
}
