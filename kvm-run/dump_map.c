/* SPDX-License-Identifier: ISC */
/* Walking the guest's page tables (Intel SDM vol. 3A, 4.3 to 4.5); the contracts are in dump_map.h. */
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/dump_map.h"

#define CR0_PG (1U << 31)
#define CR4_PSE (1U << 4)
#define CR4_PAE (1U << 5)
#define CR4_LA57 (1U << 12)
#define EFER_LMA (1U << 10)

#define PRESENT 1
#define LARGE (1 << 7)
#define ADDRESS 0x000ffffffffff000ULL

#define LEVELS_MAX 5

/* One way of paging; level 0 is that of 4 KiB pages. */
struct walk {
	struct dump_maps *m;
	unsigned levels;
	unsigned shift[LEVELS_MAX]; /* of the bits of an address that a level's index is made of */
	unsigned bits[LEVELS_MAX];
	unsigned entry_size;
	bool large[LEVELS_MAX]; /* an entry may be a page */
	unsigned sign;		/* this bit is repeated in all above it, 63: it is the last */
};

static void
choose(struct walk *w, const struct kvm_sregs *s)
{
	bool wide = s->cr4 & CR4_PAE, lma = s->efer & EFER_LMA;

	w->entry_size = wide ? 8 : 4;
	w->levels = !wide ? 2 : !lma ? 3 : s->cr4 & CR4_LA57 ? 5 : 4;
	for (unsigned i = 0; i < w->levels; i++) {
		w->bits[i] = wide ? 9 : 10;
		w->shift[i] = 12 + i * w->bits[i];
	}
	if (wide && !lma)
		w->bits[2] = 2;
	w->large[1] = wide || s->cr4 & CR4_PSE;
	w->large[2] = lma;
	w->sign = lma ? w->shift[w->levels - 1] + 8 : 63;
}

static bool
goes_on(const struct dump_mapping *m, uint64_t virt, uint64_t phys)
{
	return m->virt + m->size == virt && m->phys + m->size == phys;
}

static void
add(struct dump_maps *m, uint64_t virt, uint64_t phys, uint64_t size)
{
	if (m->n && goes_on(&m->v[m->n - 1], virt, phys))
		m->v[m->n - 1].size += size;
	else if (m->n < m->max)
		m->v[m->n++] = (struct dump_mapping){.virt = virt, .phys = phys, .size = size};
}

/* Of a page only what is RAM: a large one may reach over its end. */
static void
add_ram(struct dump_maps *m, uint64_t virt, uint64_t phys, uint64_t size)
{
	for (const struct dump_piece *p = m->pieces; p < m->pieces + m->npieces; p++) {
		uint64_t start = max_u64(phys, p->gpa), end = min_u64(phys + size, p->gpa + p->size);

		if (start < end)
			add(m, virt + (start - phys), start, end - start);
	}
}

static uint64_t
entry(const struct walk *w, const uint8_t *table, unsigned i)
{
	return w->entry_size == 8 ? get_le64(table + 8 * i) : get_le32(table + 4 * i);
}

static uint64_t
canonical(const struct walk *w, uint64_t virt)
{
	return w->sign < 63 && virt >> w->sign & 1 ? virt | ~0ULL << w->sign : virt;
}

static uint64_t
page_address(const struct walk *w, uint64_t e, unsigned level)
{
	if (w->entry_size == 4 && level) /* 4 MiB: bits 39 to 32 lie at 20 to 13 */
		return (e & 0xffc00000) | (e >> 13 & 0xff) << 32;
	return e & ADDRESS & ~((1ULL << w->shift[level]) - 1);
}

/* upper: of the second half of the table alone, and not what the root before had. */
static void
walk_table(struct walk *w, uint64_t gpa, unsigned level, uint64_t virt, bool upper)
{
	const uint8_t *table = guest_ptr(w->m->mem, gpa, (uint64_t)w->entry_size << w->bits[level]);

	if (!table || !w->m->budget)
		return;
	w->m->budget--;
	for (unsigned i = upper ? 1U << (w->bits[level] - 1) : 0; i < 1U << w->bits[level]; i++) {
		uint64_t e = entry(w, table, i), at = virt | (uint64_t)i << w->shift[level];

		if (!(e & PRESENT) || (upper && !((e ^ w->m->root[i]) & ADDRESS)))
			continue;
		if (!level || (w->large[level] && e & LARGE))
			add_ram(w->m, canonical(w, at), page_address(w, e, level), 1ULL << w->shift[level]);
		else
			walk_table(w, e & ADDRESS, level - 1, at, false);
	}
}

void
dump_maps_init(struct dump_maps *m)
{
	const struct guest_mem *mem = m->mem;

	/* Twice what it takes to map all RAM by small pages, and something for small guests. */
	m->budget = (mem->size + mem->hot.size) / (1 << 20) + (1 << 16);
	m->n = 0;
	m->begun = false;
	memset(m->root, 0, sizeof(m->root));
}

void
dump_maps_add(struct dump_maps *m, const struct kvm_sregs *s)
{
	struct walk w = {.m = m};
	const uint8_t *root;
	uint64_t gpa;

	if (!(s->cr0 & CR0_PG))
		return;
	choose(&w, s);
	if (m->begun && w.levels < 4)
		return;
	gpa = s->cr3 & (w.levels == 3 ? 0xffffffe0 : w.levels == 2 ? 0xfffff000 : ADDRESS);
	walk_table(&w, gpa, w.levels - 1, 0, m->begun);
	root = guest_ptr(m->mem, gpa, sizeof(m->root));
	for (unsigned i = 0; root && i < 512 && w.levels >= 4; i++)
		if (get_le64(root + 8 * i) & PRESENT)
			m->root[i] = get_le64(root + 8 * i);
	m->begun = true;
}
