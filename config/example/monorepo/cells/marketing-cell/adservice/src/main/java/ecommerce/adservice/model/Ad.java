package ecommerce.adservice.model;

public record Ad(String text, String url) {
}
