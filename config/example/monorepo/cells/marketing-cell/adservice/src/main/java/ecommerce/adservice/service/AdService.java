package ecommerce.adservice.service;

import ecommerce.adservice.model.Ad;
import ecommerce.adservice.model.AdRequest;
import ecommerce.adservice.model.AdResponse;

/** A stand-in: the same advertisement for everybody. */
public class AdService {
    public AdResponse find(AdRequest request) {
        return new AdResponse(new Ad[] {new Ad("A fine watch", "/product/watch")});
    }
}
