/* SPDX-License-Identifier: ISC */
/* What hangs off the e1000 by serial lines: the EEPROM (5.3 to 5.6) and the PHY (13.4.7, 13.5). Lock held; see e1000_dev.h. */
#include <string.h>

#include "kvm-run/e1000_dev.h"

#define WORDS 64
#define EEPROM_SUM 0xbaba

/* 13.4.3 */
#define EECD_SK 0x01
#define EECD_CS 0x02
#define EECD_DI 0x04
#define EECD_DO 0x08
#define EECD_WRITABLE 0x77 /* FWE, DI, CS, SK; and REQ */
#define EECD_REQ 0x40
#define EECD_GNT 0x80
#define EECD_PRESENT 0x100
#define MICROWIRE_READ 6U /* start bit, then the code */
#define READ_BITS 9	  /* code and address */

/* 13.4.4 */
#define EERD_START 0x01
#define EERD_DONE 0x10

/* 13.4.7 */
#define MDIC_READY (1U << 28)
#define MDIC_INTERRUPT (1U << 29)
#define MDIC_ERROR (1U << 30)
#define MDIC_WRITE 1
#define MDIC_READ 2
#define PHY_ADDRESS 1

/* PHY registers: IEEE 802.3, 22.2.4, and the M88E1011's */
#define PHY_CONTROL 0
#define PHY_STATUS 1
#define PHY_1000_STATUS 10
#define PHY_SPECIFIC_STATUS 17
#define PHY_CONTROL_ONCE 0x8200 /* reset, restart of negotiation: done at once */
#define PHY_STATUS_LINK 0x0024	/* link, negotiation complete */
#define PHY_SPECIFIC_LINK 0xac00 /* 1000 Mb/s, full duplex, resolved, link */

#define STATUS_UP 0x02

void
e1000_eeprom_init(struct e1000 *e, const uint8_t mac[6])
{
	uint16_t *w = e->eeprom.words, sum = 0;

	for (unsigned i = 0; i < 3; i++)
		w[i] = (uint16_t)(mac[2 * i] | mac[2 * i + 1] << 8);
	w[0x0a] = 0x4003; /* valid; the ids below are to be loaded */
	w[0x0b] = 0x1100;
	w[0x0c] = 0x1af4;
	w[0x0d] = 0x100e;
	w[0x0e] = 0x8086;
	w[0x0f] = 0x3000; /* flow control both ways */
	for (unsigned i = 0; i < WORDS - 1; i++)
		sum = (uint16_t)(sum + w[i]);
	w[WORDS - 1] = (uint16_t)(EEPROM_SUM - sum);
}

/* A rising clock: a bit goes in, until an address is known; then bits come out, the highest first, word after word. */
static void
clock_eeprom(struct e1000_eeprom *r, bool bit)
{
	if (r->reading) {
		if (r->out % 16 == 0)
			r->word = r->words[r->address++ % WORDS];
		r->out++;
		return;
	}
	if (!r->in && !bit) /* no start bit yet */
		return;
	r->shifted = r->shifted << 1 | bit;
	r->in++;
	if (r->in != READ_BITS)
		return;
	r->reading = r->shifted >> 6 == MICROWIRE_READ;
	r->address = r->shifted % WORDS;
	r->out = 0;
	r->in = r->shifted = 0;
}

void
e1000_write_eecd(struct e1000 *e, uint32_t v)
{
	struct e1000_eeprom *r = &e->eeprom;
	uint32_t *eecd = e1000_reg(e, R_EECD), was = *eecd;
	bool out;

	if (!(v & EECD_CS)) {
		r->in = r->out = r->shifted = 0;
		r->reading = false;
	} else if (v & ~was & EECD_SK) {
		clock_eeprom(r, v & EECD_DI);
	}
	out = r->reading && r->out ? r->word >> (15 - (r->out - 1) % 16) & 1 : !r->reading;
	*eecd = (v & EECD_WRITABLE) | (v & EECD_REQ ? EECD_GNT : 0) | EECD_PRESENT | (out ? EECD_DO : 0);
}

void
e1000_write_eerd(struct e1000 *e, uint32_t v)
{
	unsigned address = v >> 8 & 0xff;

	if (v & EERD_START)
		v = EERD_DONE | address << 8 | (address < WORDS ? (uint32_t)e->eeprom.words[address] << 16 : 0);
	*e1000_reg(e, R_EERD) = v;
}

void
e1000_phy_reset(struct e1000 *e)
{
	static const uint16_t fresh[32] = {
		[PHY_CONTROL] = 0x1140,	/* negotiation, full duplex, 1000 Mb/s */
		[PHY_STATUS] = 0x7949,	/* all speeds; negotiates */
		[2] = 0x0141,
		[3] = 0x0c20,		/* M88E1011 */
		[4] = 0x0de1,
		[5] = 0x45e1,		/* the other end has it all, too */
		[9] = 0x0e00,
		[PHY_1000_STATUS] = 0x3c00,
		[16] = 0x0360,
		[20] = 0x0d60,
	};

	memcpy(e->phy, fresh, sizeof(e->phy));
	e1000_link_registers(e, e->net->up);
}

void
e1000_link_registers(struct e1000 *e, bool up)
{
	uint32_t *status = e1000_reg(e, R_STATUS);

	*status = up ? *status | STATUS_UP : *status & ~(uint32_t)STATUS_UP;
	e->phy[PHY_STATUS] = (uint16_t)((e->phy[PHY_STATUS] & ~PHY_STATUS_LINK) | (up ? PHY_STATUS_LINK : 0));
	e->phy[PHY_SPECIFIC_STATUS] = up ? PHY_SPECIFIC_LINK : 0;
}

static bool
phy_writable(unsigned reg)
{
	return reg == PHY_CONTROL || reg == 4 || reg == 7 || reg == 9 || reg == 16 || reg == 18 || reg == 20 || reg >= 24;
}

void
e1000_write_mdic(struct e1000 *e, uint32_t v)
{
	unsigned reg = v >> 16 & 31, op = v >> 26 & 3;
	uint32_t done = (v & ~(MDIC_ERROR | 0xffffU)) | MDIC_READY;

	if ((v >> 21 & 31) != PHY_ADDRESS || (op != MDIC_READ && op != MDIC_WRITE)) {
		*e1000_reg(e, R_MDIC) = done | MDIC_ERROR | (v & 0xffff);
		return;
	}
	if (op == MDIC_WRITE && phy_writable(reg))
		e->phy[reg] = (uint16_t)(reg == PHY_CONTROL ? v & ~PHY_CONTROL_ONCE : v);
	*e1000_reg(e, R_MDIC) = done | (op == MDIC_READ ? e->phy[reg] : v & 0xffff);
	if (v & MDIC_INTERRUPT)
		e1000_raise(e, ICR_MDAC, true);
}
