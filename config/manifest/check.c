/* What must hold between cells, and between cells and the platform. */
#include "config/manifest/check.h"

void check_each_cell(struct loader *loader,
                     void (*check)(struct loader *loader, struct manifest_cell *entry))
{
    for (size_t i = 0; i < loader->set->cell_count; i++) {
        if (loader->set->cells[i].cell != NULL)
            check(loader, &loader->set->cells[i]);
    }
}

void loader_check(struct loader *loader)
{
    check_overrides(loader);
    check_order(loader);
    check_names(loader);
    check_components(loader);
    check_secrets(loader);
    check_stages(loader);
}
