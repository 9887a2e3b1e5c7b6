/* What must hold between cells, and between cells and the platform. */
#include "config/manifest/check.h"

void loader_check(struct loader *loader)
{
    check_overrides(loader);
    check_order(loader);
    check_names(loader);
    check_components(loader);
    check_stages(loader);
}
