/* SPDX-License-Identifier: ISC */
/* Rectangles of damage; the contract is in screen_damage.h. */
#include <stdbool.h>

#include "kvm-run/screen_damage.h"

static struct fb_rect
join(struct fb_rect a, struct fb_rect b)
{
	unsigned right = a.x + a.width > b.x + b.width ? a.x + a.width : b.x + b.width;
	unsigned bottom = a.y + a.height > b.y + b.height ? a.y + a.height : b.y + b.height;
	uint16_t x = a.x < b.x ? a.x : b.x, y = a.y < b.y ? a.y : b.y;

	return (struct fb_rect){x, y, (uint16_t)(right - x), (uint16_t)(bottom - y)};
}

static unsigned
area(struct fb_rect r)
{
	return (unsigned)r.width * r.height;
}

void
damage_add(struct screen_damage *d, struct fb_rect r)
{
	unsigned best = 0, least = -1U;

	for (unsigned i = 0; i < d->n; i++) {
		/* Pixels that are in the joined one only. 0 when one holds the other, or when they make up a rectangle. */
		unsigned sum = area(d->rects[i]) + area(r), all = area(join(d->rects[i], r));
		unsigned more = all > sum ? all - sum : 0;

		if (more < least) {
			least = more;
			best = i;
		}
	}
	if (least && d->n < FB_RECTS_MAX)
		d->rects[d->n++] = r;
	else
		d->rects[best] = join(d->rects[best], r);
}
