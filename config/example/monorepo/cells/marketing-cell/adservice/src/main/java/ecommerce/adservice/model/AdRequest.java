package ecommerce.adservice.model;

public record AdRequest(String[] categories) {
}
