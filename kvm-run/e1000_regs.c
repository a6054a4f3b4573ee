/* SPDX-License-Identifier: ISC */
/* The e1000's registers as the guest reads and writes them; the contracts are in e1000_dev.h. */
#include <string.h>
#include <sys/eventfd.h>

#include "common/bytes.h"
#include "kvm-run/e1000_dev.h"

#define STATUS_FRESH 0x80000381U /* full duplex, 1000 Mb/s; bus master */
#define EECD_FRESH 0x108U	 /* an EEPROM of 64 words is there */
#define CTRL_FRESH 0x00000249U
#define PBA_FRESH 0x00100030U
#define VET_FRESH 0x8100U
#define CTRL_ONCE (CTRL_RST | CTRL_PHY_RST)
#define RING_SIZE_BITS 0xfff80U
#define RING_INDEX_BITS 0xffffU

struct e1000_ring
e1000_ring(struct e1000 *e, unsigned bal)
{
	const uint32_t *r = e1000_reg(e, bal); /* base low and high, length, -, head, -, tail */
	struct e1000_ring ring = {(uint64_t)r[1] << 32 | r[0], r[2] / E1000_DESC, r[4], r[6]};

	if (ring.head >= ring.entries || ring.tail >= ring.entries)
		ring.entries = 0;
	return ring;
}

void
e1000_advance(struct e1000 *e, unsigned bal, uint32_t from, uint32_t to)
{
	uint32_t *head = e1000_reg(e, bal + R_RDH - R_RDBAL);

	if (*head == from)
		*head = to;
}

void
e1000_count(struct e1000 *e, unsigned off, uint32_t n)
{
	uint32_t *r = e1000_reg(e, off);

	*r = n > UINT32_MAX - *r ? UINT32_MAX : *r + n;
}

void
e1000_count64(struct e1000 *e, unsigned off, uint64_t n)
{
	uint32_t *r = e1000_reg(e, off);
	uint64_t v = ((uint64_t)r[1] << 32 | r[0]) + n;

	r[0] = (uint32_t)v;
	r[1] = (uint32_t)(v >> 32);
}

void
e1000_reset_registers(struct e1000 *e)
{
	const uint8_t *mac = net_mac(e->net);

	memset(e->reg, 0, sizeof(e->reg));
	*e1000_reg(e, R_CTRL) = CTRL_FRESH;
	*e1000_reg(e, R_STATUS) = STATUS_FRESH;
	*e1000_reg(e, R_EECD) = EECD_FRESH;
	*e1000_reg(e, R_PBA) = PBA_FRESH;
	*e1000_reg(e, R_VET) = VET_FRESH;
	*e1000_reg(e, R_RAL) = get_le32(mac);
	*e1000_reg(e, R_RAH) = RAH_VALID | get_le16(mac + 4);
	e->eeprom.in = e->eeprom.out = e->eeprom.shifted = 0;
	e->eeprom.reading = false;
	e->io_address = 0;
	e->quiet_until = 0;
	e1000_phy_reset(e);
	e1000_raise(e, 0, true);
}

/* Those that read as what was written. */
static bool
is_storage(unsigned off)
{
	static const struct {
		uint16_t first, last;
	} ranges[] = {
		{R_CTRL, R_CTRL}, {0x0018, 0x0018}, {0x0028, 0x0030}, {R_VET, R_VET}, {R_ITR, R_ITR}, {R_RCTL, R_RCTL},
		{0x0170, 0x0180}, {R_TCTL, R_TCTL}, {0x0410, 0x0410}, {0x0458, 0x0458}, {0x0e00, 0x0e00}, {R_PBA, R_PBA},
		{0x2160, 0x2168}, {R_RDBAL, 0x282c}, {R_TDBAL, 0x3830}, {0x5000, 0x5000}, {R_MTA, 0x53fc}, {R_RAL, 0x547c},
		{R_VFTA, 0x57fc}, {0x5800, 0x5820}, {0x5b50, 0x5b50}, {0x5f00, 0x5ffc},
	};

	for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
		if (off >= ranges[i].first && off <= ranges[i].last)
			return true;
	return false;
}

static bool
is_statistic(unsigned off)
{
	return off >= R_STATS && off < R_STATS_END;
}

static uint32_t
read_locked(struct e1000 *e, unsigned off)
{
	uint32_t v = *e1000_reg(e, off);

	if (off == R_ICR) {
		*e1000_reg(e, R_ICR) = 0;
		e1000_raise(e, 0, true);
	} else if (off == R_ICS || off == R_IMC) {
		v = off == R_ICS ? *e1000_reg(e, R_ICR) : *e1000_reg(e, R_IMS);
	} else if (is_statistic(off)) {
		*e1000_reg(e, off) = 0;
	}
	return v;
}

uint32_t
e1000_read(struct e1000 *e, unsigned off)
{
	uint32_t v = 0;

	if (off >= E1000_REGS)
		return 0;
	pthread_mutex_lock(&e->lock);
	v = read_locked(e, off);
	pthread_mutex_unlock(&e->lock);
	return v;
}

static void
store(struct e1000 *e, unsigned off, uint32_t v)
{
	switch (off) {
	case R_RDLEN:
	case R_TDLEN: v &= RING_SIZE_BITS; break;
	case R_RDBAL:
	case R_TDBAL: v &= ~15U; break;
	case R_RDH:
	case R_RDT:
	case R_TDH:
	case R_TDT: v &= RING_INDEX_BITS; break;
	}
	*e1000_reg(e, off) = v;
}

static void
write_ctrl(struct e1000 *e, uint32_t v)
{
	*e1000_reg(e, R_CTRL) = v & ~CTRL_ONCE;
	if (v & CTRL_PHY_RST)
		e1000_phy_reset(e);
}

static void
write_locked(struct e1000 *e, unsigned off, uint32_t v)
{
	switch (off) {
	case R_CTRL: write_ctrl(e, v); break;
	case R_EECD: e1000_write_eecd(e, v); break;
	case R_EERD: e1000_write_eerd(e, v); break;
	case R_MDIC: e1000_write_mdic(e, v); break;
	case R_ICR:
		*e1000_reg(e, R_ICR) &= ~v;
		e1000_raise(e, 0, true);
		break;
	case R_ICS: e1000_raise(e, v & ICR_ALL, true); break;
	case R_IMS:
		*e1000_reg(e, R_IMS) |= v & ICR_ALL;
		e1000_raise(e, 0, false);
		break;
	case R_IMC:
		*e1000_reg(e, R_IMS) &= ~v;
		e1000_raise(e, 0, true);
		break;
	default:
		if (is_storage(off))
			store(e, off, v);
	}
}

void
e1000_write(struct e1000 *e, unsigned off, uint32_t v)
{
	if (off >= E1000_REGS)
		return;
	pthread_mutex_lock(&e->lock);
	write_locked(e, off, v);
	pthread_mutex_unlock(&e->lock);
	/* The I/O thread looks at these when it serves the rings, and may wait for their change. */
	if (off == R_RCTL || off == R_TCTL || off == R_RDT || off == R_TDT)
		eventfd_write(e->kick_fd, 1);
}
