/* SPDX-License-Identifier: ISC */
/*
 * The inside of the e1000: registers in e1000_regs.c, EEPROM and PHY in e1000_serial.c, interrupts in e1000_irq.c, the rings
 * in e1000_rx.c and e1000_tx.c. vCPU threads touch registers under the lock; rings are served on the I/O thread of the net
 * device. Section numbers are those of Intel's PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual,
 * revision 4.0.
 */
#ifndef KVM_RUN_E1000_DEV_H
#define KVM_RUN_E1000_DEV_H

#include "kvm-run/e1000.h"
#include "kvm-run/net.h"
#include "kvm-run/pci.h"

#define E1000_REGS 0x6000 /* bytes of them that hold anything */
#define E1000_DESC 16	  /* bytes of a descriptor of either ring */
#define E1000_TAG 4	  /* bytes of a VLAN tag */

/* Registers, 13.3 */
enum {
	R_CTRL = 0x0000,
	R_STATUS = 0x0008,
	R_EECD = 0x0010,
	R_EERD = 0x0014,
	R_MDIC = 0x0020,
	R_VET = 0x0038,
	R_ICR = 0x00c0,
	R_ITR = 0x00c4,
	R_ICS = 0x00c8,
	R_IMS = 0x00d0,
	R_IMC = 0x00d8,
	R_RCTL = 0x0100,
	R_TCTL = 0x0400,
	R_PBA = 0x1000,
	R_RDBAL = 0x2800,
	R_RDBAH = 0x2804,
	R_RDLEN = 0x2808,
	R_RDH = 0x2810,
	R_RDT = 0x2818,
	R_TDBAL = 0x3800,
	R_TDBAH = 0x3804,
	R_TDLEN = 0x3808,
	R_TDH = 0x3810,
	R_TDT = 0x3818,
	R_STATS = 0x4000,
	R_MPC = 0x4010,
	R_GPRC = 0x4074,
	R_BPRC = 0x4078,
	R_MPRC = 0x407c,
	R_GPTC = 0x4080,
	R_GORCL = 0x4088,
	R_GOTCL = 0x4090,
	R_TPR = 0x40d0,
	R_TPT = 0x40d4,
	R_STATS_END = 0x4100,
	R_MTA = 0x5200,
	R_RAL = 0x5400,
	R_RAH = 0x5404,
	R_VFTA = 0x5600,
};

/* Interrupt causes, 13.4.17 */
#define ICR_TXDW (1U << 0)
#define ICR_TXQE (1U << 1)
#define ICR_LSC (1U << 2)
#define ICR_RXDMT0 (1U << 4)
#define ICR_RXO (1U << 6)
#define ICR_RXT0 (1U << 7)
#define ICR_MDAC (1U << 9)
#define ICR_ALL 0x0001ffffU

#define CTRL_RST (1U << 26)
#define CTRL_VME (1U << 30)
#define CTRL_PHY_RST (1U << 31)

#define RCTL_EN (1U << 1)
#define RCTL_UPE (1U << 3)
#define RCTL_MPE (1U << 4)
#define RCTL_LPE (1U << 5)
#define RCTL_BAM (1U << 15)
#define RCTL_VFE (1U << 18)
#define RCTL_SECRC (1U << 26)

#define TCTL_EN (1U << 1)
#define TCTL_PSP (1U << 3)

#define RAH_VALID (1U << 31)

/* The context descriptor that data descriptors refer to, 3.3.6 */
struct e1000_context {
	uint8_t ip_start, ip_offset, tcp_start, tcp_offset;
	uint16_t ip_end, tcp_end; /* last byte, 0: of the packet */
	uint32_t payload;
	uint8_t header;
	uint16_t mss;
	bool tcp, ipv4;
};

#define E1000_PACKET_MAX (FRAME_MAX + 256) /* what one packet's descriptors bring; more is dropped */
#define E1000_OUT (NET_BATCH * 2048 + E1000_PACKET_MAX) /* bytes of frames that wait for the wire */

/* The packet that is being put together, and cut up. I/O thread. */
struct e1000_tx {
	struct e1000_context context[2]; /* of checksums; of segmentation */
	uint8_t data[E1000_PACKET_MAX];
	size_t len;	/* of data */
	bool too_long, started;
	bool segment, sum_ip, sum_tcp, tag; /* of this packet */
	uint8_t legacy_start, legacy_offset; /* of a legacy descriptor's checksum, offset 0: none */
	uint16_t vlan;
	bool cutting;	/* data is whole, and goes out from `cut` on */
	size_t cut;	/* bytes of payload that went out already */
	unsigned segments;
	uint8_t out[E1000_OUT];
	size_t out_len;
};

struct e1000_eeprom {
	uint16_t words[64];
	uint32_t shifted; /* bits that came in, after a start bit */
	unsigned in, out; /* their number; bits that went out */
	bool reading;
	uint16_t word; /* under way */
	unsigned address;
};

struct e1000 {
	struct pci_dev pci;
	struct vm *vm;
	struct net_dev *net;
	int kick_fd;
	struct watch kick;
	struct watch itr; /* a timer: an interrupt that came too soon after another */
	pthread_mutex_t lock; /* what follows */
	uint32_t reg[E1000_REGS / 4];
	uint16_t phy[32];
	struct e1000_eeprom eeprom;
	uint32_t io_address;
	bool interrupting;	/* the pin's level */
	uint64_t quiet_until;	/* CLOCK_MONOTONIC, ns */
	/* I/O thread */
	uint32_t rx_causes;
	struct e1000_tx tx;
};

static inline struct e1000 *
e1000_of(const struct net_pair *p)
{
	return p->dev->nic;
}

static inline uint32_t *
e1000_reg(struct e1000 *e, unsigned off)
{
	return &e->reg[off / 4];
}

/* A ring as the guest has described it, copied under the lock. Entries is 0 when it is none, or its indexes are none. */
struct e1000_ring {
	uint64_t base;
	uint32_t entries, head, tail;
};

/* `bal` is R_RDBAL or R_TDBAL: the registers of both rings lie alike. Lock held. */
struct e1000_ring e1000_ring(struct e1000 *e, unsigned bal);

/* The device's head moves, unless the guest has written it meanwhile. */
void e1000_advance(struct e1000 *e, unsigned bal, uint32_t from, uint32_t to);

/* --- e1000_regs.c --- */

uint32_t e1000_read(struct e1000 *e, unsigned off);
void e1000_write(struct e1000 *e, unsigned off, uint32_t v);

/* Power-on state of all registers. Lock held; the rings are not served meanwhile. */
void e1000_reset_registers(struct e1000 *e);

/* Adds to a 32-bit counter that stops at its end, or to a pair that is a 64-bit one. Lock held. */
void e1000_count(struct e1000 *e, unsigned off, uint32_t n);
void e1000_count64(struct e1000 *e, unsigned off, uint64_t n);

/* --- e1000_serial.c --- */

void e1000_eeprom_init(struct e1000 *e, const uint8_t mac[6]);
void e1000_write_eecd(struct e1000 *e, uint32_t v);
void e1000_write_eerd(struct e1000 *e, uint32_t v);
void e1000_write_mdic(struct e1000 *e, uint32_t v);
void e1000_phy_reset(struct e1000 *e);

/* STATUS and the PHY's registers follow the cable. */
void e1000_link_registers(struct e1000 *e, bool up);

/* --- e1000_irq.c --- */

/* Causes are added, or what is enabled has changed: the pin follows, at once (`now`) or not sooner than ITR allows. Lock held. */
void e1000_raise(struct e1000 *e, uint32_t causes, bool now);

/* The handler of the timer. */
void e1000_on_itr(struct watch *w, uint32_t events);

/* --- e1000_rx.c, e1000_tx.c: of the front --- */

bool e1000_rx_ready(struct net_pair *p);
unsigned e1000_rx_room(struct net_pair *p, struct iovec *iov, unsigned max);
void e1000_rx_done(struct net_pair *p, size_t len);
void e1000_rx_put(struct net_pair *p, const struct offload *facts, const void *frame, size_t len);
void e1000_rx_end(struct net_pair *p);
bool e1000_tx_fetch(struct net_pair *p);
bool e1000_tx_idle(struct net_pair *p);
void e1000_tx_again(struct net_pair *p);

/* Forgets what of a packet has come. */
void e1000_tx_begin(struct e1000_tx *t);

/* --- e1000_segment.c --- */

/* Puts checksums into a frame at `frame`, which may be a segment: of `len` bytes, its payload from byte `from` of the packet's
 * on, the n-th, the last or not. */
void e1000_finish_frame(const struct e1000_tx *t, uint8_t *frame, size_t len, size_t from, unsigned n, bool last);

#endif
