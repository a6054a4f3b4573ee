/* SPDX-License-Identifier: ISC */
/* Options of a qcow2 image changed in place. */
#ifndef COMMON_IMAGE_QCOW2_AMEND_H
#define COMMON_IMAGE_QCOW2_AMEND_H

#include "common/image/crypt.h"
#include "common/image/qcow2_refs.h"

/* Those that can be. */
extern const struct image_option qcow2_amend_options[];

/*
 * Does all that the settings of `c` say (the rest of it is not looked at), and with the keys, unless NULL. The image is open for
 * writing. What can be refused is, before anything is changed.
 */
const char *qcow2_amend(struct image *i, const struct image_create *c, const struct crypt_amend *keys, struct why *w);

/* qcow2_downgrade.c: the image becomes one of version 2. may_downgrade: whether it can. */
const char *qcow2_may_downgrade(struct qcow2 *q, struct why *w);
const char *qcow2_downgrade(struct qcow2 *q, struct why *w);

#endif
