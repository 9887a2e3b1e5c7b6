package ecommerce.adservice;

import ecommerce.adservice.controller.AdController;

public class AdServiceApplication {
    public static void main(String[] arguments) {
        System.out.println(new AdController().ads(arguments).ads()[0].text());
    }
}
