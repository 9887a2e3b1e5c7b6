// A stand-in for the cartservice: it answers every request with its name.
var app = WebApplication.CreateBuilder(args).Build();
app.MapGet("/{**path}", () => "cartservice\n");
app.Run();
