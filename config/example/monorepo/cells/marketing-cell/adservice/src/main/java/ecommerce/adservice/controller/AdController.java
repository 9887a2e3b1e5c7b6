package ecommerce.adservice.controller;

import ecommerce.adservice.model.AdRequest;
import ecommerce.adservice.model.AdResponse;
import ecommerce.adservice.service.AdService;

public class AdController {
    private final AdService service = new AdService();

    public AdResponse ads(String... categories) {
        return service.find(new AdRequest(categories));
    }
}
